import { describeBadInput } from "./bad-input.ts";

describeBadInput("Control database", {
  "It is away": { codes: ["CONTROL_UNREACHABLE"], held: "a database without the schema, and one that is away, are told apart" },
  "`up` has not been run": { codes: ["CONTROL_NOT_PREPARED"], held: "a database without the schema, and one that is away, are told apart" },
  "The role may not create a schema": { codes: ["check", "CONTROL_REFUSED"], held: "a role that may not create the schema, and what lets it" },
  "The role may not use what another one has made": { codes: ["check"], held: "a role that may not use what another one has made" },
  "It is the monolith's own by another name": { codes: ["check"], held: "the monolith's own database, and one of a newer Offtake" },
});

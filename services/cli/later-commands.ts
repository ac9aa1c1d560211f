/** Commands of later versions. They are refused by name, so that nobody takes "unknown command" for a slip of the pen; whoever brings one removes its row. */
export const laterCommands: readonly { readonly name: string; readonly issue: string }[] = [
  { name: "init", issue: "operations" },
  { name: "snapshot", issue: "the snapshot" },
  { name: "reconcile", issue: "the reconciler" },
  { name: "repair", issue: "the reconciler" },
  { name: "dlq", issue: "dead letters" },
  { name: "pause", issue: "operations" },
  { name: "resume", issue: "operations" },
  { name: "completion", issue: "operations" },
];

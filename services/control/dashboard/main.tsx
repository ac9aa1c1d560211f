/** The page: every service with how far it is behind. */
import { signal } from "@preact/signals";
import { render, type VNode } from "preact";
import { keepKey, takenKey } from "./key.ts";

interface ShownService {
  readonly service: string;
  readonly lag: { readonly apply: { readonly seconds: number | null } };
}

const key = signal(takenKey());
const services = signal<readonly ShownService[]>([]);
const fault = signal("");

async function look(): Promise<void> {
  if (key.value === undefined) return;
  try {
    const response = await fetch("api/v1/status", { headers: { authorization: `Bearer ${key.value}` } });
    const body: { services?: readonly ShownService[]; detail?: string } = JSON.parse(await response.text());
    fault.value = body.detail ?? "";
    if (body.services !== undefined) services.value = body.services;
  } catch (error) {
    fault.value = String(error);
  }
}

function submit(event: SubmitEvent): void {
  event.preventDefault();
  const given = event.currentTarget instanceof HTMLFormElement ? new FormData(event.currentTarget).get("key") : null;
  if (typeof given !== "string" || given === "") return;
  keepKey(given);
  key.value = given;
  void look();
}

function KeyForm(): VNode {
  return (
    <form onSubmit={submit}>
      <label>
        API key <input name="key" type="password" autocomplete="off" />
      </label>
      <button type="submit">Look</button>
    </form>
  );
}

function Page(): VNode {
  return (
    <main>
      <h1>Offtake</h1>
      {fault.value === "" ? null : <p role="alert">{fault.value}</p>}
      {key.value === undefined ? <KeyForm /> : null}
      <ul>
        {services.value.map(({ service, lag }) => (
          <li key={service}>
            {service}: {lag.apply.seconds ?? "unknown"} s behind
          </li>
        ))}
      </ul>
    </main>
  );
}

render(<Page />, document.getElementById("app")!);
void look();
setInterval(() => void look(), 1000);

/** Who did what. */
import type { JSX } from "preact";
import type { AuditEntry } from "./api-answers.ts";
import { changedValues } from "./changed-values.ts";
import { Moment } from "./moment.tsx";
import { queryOf } from "./query-of.ts";
import { usePolled } from "./polled.ts";
import { ServiceFilter } from "./service-filter.tsx";
import { TroubleNote } from "./trouble-note.tsx";

/** Milliseconds between two looks; entries that are shown. */
const auditMs = 5000;
const shown = 200;

export function AuditView({ service }: { readonly service: string | undefined }): JSX.Element {
  const { answer, trouble } = usePolled<{ readonly entries: readonly AuditEntry[] }>(`audit${queryOf({ service, limit: shown })}`, auditMs);
  const entries = answer.value?.entries;
  return (
    <>
      <ServiceFilter view="audit" service={service} />
      {trouble.value !== undefined && <TroubleNote trouble={trouble.value} what="The audit" />}
      {entries === undefined ? (
        <p>Waiting for the audit.</p>
      ) : entries.length === 0 ? (
        <p>Nobody has changed anything yet.</p>
      ) : (
        <table>
          <caption>{entries.length < shown ? "All entries" : `The newest ${shown} entries`}, newest first</caption>
          <thead>
            <tr>
              <th scope="col">When</th>
              <th scope="col">Who</th>
              <th scope="col">What</th>
              <th scope="col">Service</th>
              <th scope="col">Before</th>
              <th scope="col">After</th>
            </tr>
          </thead>
          <tbody>
            {entries.map((entry) => (
              <tr key={entry.id}>
                <td>
                  <Moment iso={entry.at} />
                </td>
                <td>{entry.who}</td>
                <th scope="row">
                  {entry.action} {entry.subject}
                </th>
                <td>{entry.service}</td>
                <td>
                  <Values value={entry.before} />
                </td>
                <td>
                  <Values value={entry.after} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </>
  );
}

function Values({ value }: { readonly value: unknown }): JSX.Element {
  const { short, whole } = changedValues(value);
  if (whole === undefined) return <code>{short}</code>;
  return (
    <details>
      <summary>
        <code>{short}</code>
      </summary>
      <pre tabIndex={0}>{whole}</pre>
    </details>
  );
}

/** What the newest validation has found: what `offtake check` would say. */
import type { JSX } from "preact";
import { Age } from "./moment.tsx";
import { usePage } from "./page.ts";

export function ValidationFindings(): JSX.Element | null {
  const { value } = usePage().board.validation;
  if (value === null) return null;
  const found = value.findings.filter(({ level }) => level !== "note");
  return (
    <section aria-labelledby="validation">
      <h2 id="validation">Validation</h2>
      <p>
        {found.length === 0 ? "Nothing to mend" : `${found.length} to mend`}, looked at <Age iso={value.at} />. <code>offtake check</code> looks
        again.
      </p>
      {found.length > 0 && (
        <table>
          <thead>
            <tr>
              <th scope="col">Level</th>
              <th scope="col">Where</th>
              <th scope="col">What</th>
              <th scope="col">Cure</th>
            </tr>
          </thead>
          <tbody>
            {found.map(({ level, where, what, cure }) => (
              <tr key={`${where} ${what}`}>
                <td>{level}</td>
                <td>{where}</td>
                <td>{what}</td>
                <td>{cure}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

/** What somebody may want to try while everything is kept running. */
import type { Stage } from "./stage.ts";
import { databaseOf, monolithDatabase } from "./run-folder.ts";

/** The page with everything on it, and the key that it asks with. */
export function dashboardAddress({ configuration: { http }, apiKey }: Pick<Stage, "configuration" | "apiKey">): string {
  return `http://${http.host}:${http.port}/#key=${apiKey}`;
}

export function holdText(stage: Stage): string {
  const { stack, configuration, configFile, logFile } = stage;
  const { host, port } = configuration.http;
  const first = configuration.services[0]?.name ?? "";
  const databases = configuration.services.map(({ name }) => `  ${name.padEnd(16)} ${stack.target.url(databaseOf(name))}`);
  return [
    "",
    "Everything is kept running, and the load goes on, until Ctrl-C.",
    `  ${"monolith".padEnd(16)} ${stack.source.url(monolithDatabase)}`,
    ...databases,
    `  ${"Kafka".padEnd(16)} ${stack.kafka.brokers.join(",")}`,
    `  ${"schema registry".padEnd(16)} ${stack.registry.url}`,
    `  ${"log".padEnd(16)} ${logFile}`,
    `  ${"dashboard".padEnd(16)} ${dashboardAddress(stage)}`,
    "",
    "Things to try, in another terminal:",
    `  npm run offtake -- status --watch --config ${configFile}`,
    `  curl http://${host}:${port}/metrics`,
    `  psql '${stack.source.url(monolithDatabase)}' -c "UPDATE users SET full_name = 'You' WHERE full_name = 'Probe'"`,
    `  psql '${stack.target.url(databaseOf(first))}' -c "SELECT count(*) FROM users WHERE full_name = 'You'"`,
    "",
  ].join("\n");
}

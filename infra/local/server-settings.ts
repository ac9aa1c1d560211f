/**
 * What the servers of a stack are and how they are set, wherever they run: as processes, in containers, by docker-compose.yml.
 *
 * Two backends that drift apart make a suite that passes on the one and fails on the other for a reason that is nobody's fault. So both take their
 * settings from here, and add only what belongs to the place: addresses and folders. What cannot take anything from here (pom.xml, package.json,
 * docker-compose.yml) is held against it by test/infra/server-settings.test.ts.
 *
 * Source: PostgreSQL documentation, "Server Configuration"; Kafka documentation, "Broker Configs", "KRaft"; Apicurio Registry documentation.
 */

/** Releases; the local backend has them from npm and Maven, the others as images. */
export const serverVersions = { postgres: "18.4", kafka: "4.3.1", registry: "3.0.9" } as const;

/** How a new cluster is made. The built-in locale is the same on every system; those of the C library are where somebody has installed them. */
export const localeArguments = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"] as const;

/** postgresql.conf's. @param fsync whether a commit reaches the disk */
export function postgresSettings(fsync: boolean): Record<string, string> {
  return {
    wal_level: "logical",
    max_connections: "200",
    max_wal_senders: "40",
    max_replication_slots: "40",
    max_worker_processes: "24",
    max_logical_replication_workers: "12",
    max_prepared_transactions: "40",
    fsync: fsync ? "on" : "off",
    timezone: "UTC",
    log_timezone: "UTC",
    log_line_prefix: "%m [%p] %q%u@%d ",
  };
}

/**
 * server.properties'. The limits are the broker's own where the product sets a topic's: message.max.bytes is Kafka's default of 1 MiB, so that a product
 * that forgets max.message.bytes on its topics fails here and not in production. A topic's setting wins over the broker's; above both only
 * socket.request.max.bytes (100 MiB by default) bounds a produce request. The fetch limits stop no record: the first batch always comes whole.
 *
 * @param brokers of the cluster: with three, what Kafka keeps for itself survives the loss of one
 */
export function kafkaSettings(brokers: 1 | 3): Record<string, string> {
  const copies = String(brokers);
  const inSync = brokers === 3 ? "2" : "1";
  return {
    "process.roles": "broker,controller",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
    "num.partitions": "1",
    "auto.create.topics.enable": "false",
    "offsets.topic.replication.factor": copies,
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": copies,
    "transaction.state.log.min.isr": inSync,
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": copies,
    "share.coordinator.state.topic.min.isr": inSync,
    "group.initial.rebalance.delay.ms": "0",
    // A broker that was killed is let in again only after the session of its former self has run out: 9 s by default.
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    // A stack that is kept running must not lose the tail that a connector starts from.
    "log.retention.hours": "-1",
  };
}

/** Apicurio's. @param folder in which its schemas are: a registry that comes back without them makes every event in a topic unreadable */
export function registrySettings(folder: string): Record<string, string> {
  return {
    // Written at every commit, not every half second: what a killed registry has answered for is there when it comes back.
    "apicurio.datasource.url": `jdbc:h2:file:${folder}/schemas;WRITE_DELAY=0`,
    "apicurio.datasource.jdbc.initial-size": "1",
    "apicurio.datasource.jdbc.min-size": "1",
    "apicurio.datasource.jdbc.max-size": "10",
    "quarkus.log.level": "WARN",
  };
}

/**
 * Names in offtake.yaml that become names in Kafka.
 *
 * Kafka refuses a topic whose name it does not take when the topic is created: after the publications, after the slots, with WAL piling up.
 *
 * Pure. Works on whatever part of the file is valid: what is not there was at fault before, and is not judged.
 */
import { defaultTopicPrefix, kafkaName, kafkaNamePattern, type WrittenConfiguration } from "../../schemas/configuration.ts";
import { keyText, type Fault } from "./configuration-fault.ts";
import type { Part } from "./configuration-shape.ts";

/** @param topic of a service */
export function deadLetterTopicOf(topic: string): string {
  return `${topic}.dead-letters`;
}

export function checkTopics(valid: Part<WrittenConfiguration>): Fault[] {
  const faults: Fault[] = [];
  for (const section of ["connectors", "services"] as const) {
    for (const name of Object.keys(valid[section] ?? {})) {
      if (!kafkaNamePattern.test(name))
        faults.push({ path: [section, name], at: "key", message: `${section}: expected ${kafkaName}, found \`${keyText(name)}\`` });
    }
  }
  const prefix = valid.kafka?.topicPrefix ?? defaultTopicPrefix;
  const owners = new Map<string, { readonly service: string; readonly topic: string }>();
  const topics = Object.entries(valid.services ?? {}).flatMap(([service, written]) => {
    const topic = `${prefix}.${service}`;
    return [{ service, topic }, ...(written?.deadLetterTopic === true ? [{ service, topic: deadLetterTopicOf(topic) }] : [])];
  });
  for (const { service, topic } of topics) {
    const path = ["services", service];
    if (topic.length > 249) faults.push({ path, at: "key", message: `the topic ${topic} is longer than Kafka's 249 characters` });
    // Kafka's metrics write both characters as _, so it refuses a topic that differs from another one in nothing else.
    const folded = topic.replaceAll(".", "_");
    const owner = owners.get(folded);
    const differs = owner?.topic === topic ? "is one of services." : "differs from that of services.";
    const refused = owner?.topic === topic ? ", too" : " only in . and _, which Kafka refuses";
    if (owner === undefined) owners.set(folded, { service, topic });
    else faults.push({ path, at: "key", message: `the topic ${topic} ${differs}${owner.service}${refused}` });
  }
  return faults;
}

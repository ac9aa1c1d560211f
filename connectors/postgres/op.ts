/**
 * Debezium's op, as the code of its one character.
 *
 * Source: Debezium documentation, "Debezium connector for PostgreSQL", Data change events.
 */
export const Op = { create: 0x63, update: 0x75, delete: 0x64, read: 0x72, truncate: 0x74, message: 0x6d } as const;

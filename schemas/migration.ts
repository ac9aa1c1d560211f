/** A step of a schema of Offtake's own. One that has been released is never changed: the next one changes what it made. */
export interface Migration {
  readonly version: number;
  readonly sql: string;
}

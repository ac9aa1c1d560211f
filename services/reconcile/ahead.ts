/** Reads ahead of whoever takes: while the target's read of one range waits for the stream, the source's of the next ones is made. */

/** @param most that are read before they are taken */
export async function* ahead<T>(items: AsyncGenerator<T, void>, most: number): AsyncGenerator<T, void> {
  const begun: Promise<IteratorResult<T, void>>[] = [];
  const begin = (): void => {
    const next = items.next();
    // Whoever takes it hears of it; when nobody does any more, nobody is left to.
    next.catch(() => undefined);
    begun.push(next);
  };
  try {
    for (;;) {
      while (begun.length < most) begin();
      const next = await begun.shift()!;
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    await items.return();
  }
}

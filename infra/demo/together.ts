/**
 * Runs tasks side by side: when one fails the others are stopped and waited for, so that nothing goes on behind the back of whoever cleans up.
 *
 * @param signal stops all of them
 * @param start gets the signal to give to the tasks
 * @throws the first failure
 */
export async function together(signal: AbortSignal, start: (stop: AbortSignal) => readonly Promise<unknown>[]): Promise<void> {
  const failed = new AbortController();
  const tasks = start(AbortSignal.any([signal, failed.signal]));
  try {
    await Promise.all(tasks);
  } catch (error) {
    failed.abort();
    await Promise.allSettled(tasks);
    throw error;
  }
}

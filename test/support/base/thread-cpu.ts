/** Milliseconds of processor time of this thread: a limit for work is the same on a busy machine. */
export function threadCpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

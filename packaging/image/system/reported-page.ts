/** Where the page listens. @param report of the running Perch; its host is left out if it is 127.0.0.1 */
export function pageIn(report: string): { readonly host: string; readonly port: number } | undefined {
  const port = /^port (\d+)$/m.exec(report)?.[1];
  const host = /^host ([\da-f.:]+)$/m.exec(report)?.[1];
  return port === undefined ? undefined : { host: host ?? '127.0.0.1', port: Number(port) };
}

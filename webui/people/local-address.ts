/** Names that no public name server knows (RFC 6762 §3, RFC 8375, RFC 6761 §6.3). */
const HOME_NAME = /(?:^[^.]+|\.(?:local|lan|home|internal|home\.arpa|localhost))$/;
/** RFC 1918, RFC 3927, loopback, RFC 6598; RFC 4193 and RFC 4291 §2.5.6. */
const HOME_ADDRESS =
  /^(?:10\.|127\.|192\.168\.|169\.254\.|172\.(?:1[6-9]|2\d|3[01])\.|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.|\[f[cd]|\[fe[89ab]|\[::1\])/;
const IPV4 = /^\d+(?:\.\d+){3}$/;

/** Whether the address is reachable only in the box's own network. */
export function isLocalOnly(link: string): boolean {
  const { hostname } = new URL(link);
  return IPV4.test(hostname) || hostname.startsWith('[') ? HOME_ADDRESS.test(hostname) : HOME_NAME.test(hostname);
}

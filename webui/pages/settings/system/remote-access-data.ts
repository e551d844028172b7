/** Keys of the configuration that the form reads. */
export interface RemoteAccessConfig {
  readonly webrtcAdditionalHosts: readonly string[];
  readonly trustedProxies: readonly string[];
  readonly webrtcLocalUDPAddress: string;
  readonly webrtcLocalTCPAddress: string;
}

/** The lists as typed: entries separated by spaces or commas. */
export interface RemoteAccessValues {
  readonly hosts: string;
  readonly proxies: string;
}

const HOST_NAME = /^(?=.{1,253}$)[a-z\d](?:[a-z\d.-]*[a-z\d])?$/i;
const IPV6 = /^[\da-f]*:[\da-f]*:[\da-f:.]*$/i;
const IP_RANGE = /^(?:\d{1,3}(?:\.\d{1,3}){3}|[\da-f]*:[\da-f]*:[\da-f:.]*)(?:\/\d{1,3})?$/i;

const listOf = (typed: string): readonly string[] => typed.split(/[\s,;]+/).filter(Boolean);

/** The box shows a single address as a range of one. */
const withoutFullPrefix = (range: string): string => range.replace(range.includes(':') ? /\/128$/ : /\/32$/, '');

/** A host name or an address, without port. */
export const areHosts = (typed: string): boolean =>
  listOf(typed).every((host) => HOST_NAME.test(host) || IPV6.test(host));

export const areIpRanges = (typed: string): boolean => listOf(typed).every((range) => IP_RANGE.test(range));

export const valuesOf = ({ webrtcAdditionalHosts, trustedProxies }: RemoteAccessConfig): RemoteAccessValues => ({
  hosts: webrtcAdditionalHosts.join(' '),
  proxies: trustedProxies.map(withoutFullPrefix).join(' '),
});

export const changeOf = ({ hosts, proxies }: Partial<RemoteAccessValues>): object => ({
  ...(hosts !== undefined && { webrtcAdditionalHosts: listOf(hosts) }),
  ...(proxies !== undefined && { trustedProxies: listOf(proxies) }),
});

/** The port of WebRTC media, which the router has to forward; empty: WebRTC media are off. */
export const mediaPort = (config: RemoteAccessConfig): string =>
  (config.webrtcLocalUDPAddress || config.webrtcLocalTCPAddress).replace(/^.*:/, '');

/** Scheme, host and port of a request. The host is the configured one, never one from a reply. */
export interface HttpOrigin {
  readonly isSecure: boolean;
  /** Without the brackets of IPv6, with the zone of a link-local address: `fe80::1%eth0`. */
  readonly host: string;
  readonly port: number;
}

export function httpOriginOf(url: URL): HttpOrigin {
  const isSecure = url.protocol === 'https:';
  return { isSecure, host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port || (isSecure ? 443 : 80)) };
}

/** Parses an http address, with the zone of a link-local one (`http://[fe80::1%25eth0]/`, RFC 6874), which URL does not support. */
export function parseHttpUrl(text: string): { readonly url: URL; readonly origin: HttpOrigin } | undefined {
  const [, zone] = /^[^/]*\/\/[^/]*\[[\da-f:.]+%(?:25)?([\w.~-]{1,32})\]/i.exec(text) ?? [];
  const plain = zone === undefined ? text : text.replace(/%(?:25)?[\w.~-]+\]/, ']');
  const url = URL.canParse(plain) ? new URL(plain) : undefined;
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') {
    return undefined;
  }
  const origin = httpOriginOf(url);
  return { url, origin: zone === undefined ? origin : { ...origin, host: `${origin.host}%${zone}` } };
}

/** `host:port`, with brackets around IPv6. */
export function hostPortOf({ host, port }: HttpOrigin): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** Value of the `Host` header, and authority of URLs: without the zone, which is local to this box. */
export function hostHeaderOf(origin: HttpOrigin): string {
  return hostPortOf({ ...origin, host: origin.host.replace(/%.*/, '') });
}

import { isIP } from 'node:net';
import type { RtspHeaders } from '../../../media/rtsp/message.ts';

const FORWARDED = /^(?:x-forwarded-.*|forwarded|x-real-ip)$/i;

/**
 * Why the HTTP that a tunnel begins with is not taken for what its address says: access goes by addresses, and a web page that
 * somebody looks at (browsers open WebSockets to anywhere, with `Origin`) or a proxy would have those of others.
 */
export function foreignOrigin(headers: RtspHeaders): string | undefined {
  if (headers.fields.some(([name]) => FORWARDED.test(name))) {
    return 'tunnel through a proxy: its client is not known';
  }
  const origin = headers.get('Origin');
  if (origin === undefined) {
    return undefined;
  }
  const name = hostNameOf(origin.replace(/^[a-z]+:\/\//i, ''));
  // A page of this host, reached by its address: any other name may be pointed here by whoever owns it.
  const isOwn = name === hostNameOf(headers.get('Host') ?? '') && (isIP(name) !== 0 || name === 'localhost');
  return isOwn ? undefined : `tunnel from the web page ${origin.slice(0, 80)}`;
}

/** Without port and brackets. */
function hostNameOf(host: string): string {
  return (/^\[([^\]]*)\]/.exec(host)?.[1] ?? host.replace(/:\d*$/, '')).toLowerCase();
}

import { PerchError } from '../../base/errors.ts';
import { percentDecode, webUrl } from '../../base/network/url-parts.ts';
import { HLS_SOURCE } from '../../config/schema/sources/keyless-sources.ts';
import type { LoginTarget, SourceProtocol } from '../../protocols/contract.ts';
import { LateSource } from '../../protocols/late.ts';
import { LoginTurnSource } from '../../protocols/login-turns.ts';
import { hostPortOf } from '../../transports/rtsp/request/address.ts';

/** A stream that a server offers as HLS. */
export const hlsSource: SourceProtocol = {
  apiType: 'hlsSource',
  keys: HLS_SOURCE,
  create({ name, settings, config, loginWatch: watch, clock, log }) {
    const { source: address, sourceFingerprint: fingerprint, audio, useAbsoluteTimestamp: usesSenderClock } = settings;
    const url = webUrl(address);
    const options = { name, url, fingerprint, audio, usesSenderClock, readTimeoutMs: config.readTimeoutMs };
    const source = new LateSource('hlsSource', async () => {
      const { HlsSource } = await import('./source.ts');
      return new HlsSource(options, clock, log);
    });
    return watch
      ? new LoginTurnSource(source, { name, watch, clock, kind: 'basic', target: () => hlsLoginTarget(url, name) })
      : source;
  },
  loginTarget: hlsLoginTarget,
};

function hlsLoginTarget(source: string, name: string): LoginTarget {
  const url = webUrl(source);
  if (!URL.canParse(url)) {
    throw new PerchError('badInput', `the URL of path '${name}' is invalid`, { path: name });
  }
  const { protocol, hostname, port, pathname, search, username, password } = new URL(url);
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  const hostPort = hostPortOf({ host, port: Number(port) || (protocol === 'https:' ? 443 : 80) });
  const credentials =
    username === '' ? undefined : { user: percentDecode(username), password: percentDecode(password) };
  return { host, hostPort, uri: `${protocol}//${hostPort}${pathname}${search}`, credentials, isOfUrl: true };
}

import { pick } from '../../base/pick.ts';
import { RTMP_SOURCE } from '../../config/schema/sources/keyless-sources.ts';
import type { LoginTarget, SourceProtocol } from '../../protocols/contract.ts';
import { LateSource } from '../../protocols/late.ts';
import { LoginTurnSource } from '../../protocols/login-turns.ts';
import { parseRtmpUrl } from '../../transports/rtmp/address.ts';
import { hostPortOf } from '../../transports/rtsp/request/address.ts';
import { cameraOf, phraseOf } from '../../transports/tls/peer.ts';

/** RTMP, with TLS and without. */
export const rtmpSource: SourceProtocol = {
  apiType: 'rtmpSource',
  keys: RTMP_SOURCE,
  create({ name, settings, config, loginWatch: watch, clock, log }) {
    const { source: url } = settings;
    const options = { ...pick(settings, ['sourceFingerprint']), ...pick(config, ['readTimeoutMs']) };
    const source = new LateSource('rtmpSource', async () => {
      const { RtmpSource } = await import('./source.ts');
      return new RtmpSource({ ...options, name, url }, clock, log);
    });
    return watch
      ? new LoginTurnSource(source, { name, watch, clock, kind: 'rtmp', target: () => rtmpLoginTarget(url, name) })
      : source;
  },
  loginTarget: rtmpLoginTarget,
};

/** Cameras take the login in the query. */
function rtmpLoginTarget(url: string, name: string): LoginTarget {
  const { host, port, uri, stream } = parseRtmpUrl(url, phraseOf(cameraOf(name)));
  const [file = '', query = ''] = stream.split(/\?(.*)/s);
  const given = new URLSearchParams(query);
  const [user, password] = [given.get('user') ?? given.get('username'), given.get('pass') ?? given.get('password')];
  const credentials = user === null || password === null ? undefined : { user, password };
  return { host, hostPort: hostPortOf({ host, port }), uri: `${uri}/${file}`, credentials, isOfUrl: true };
}

import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { Config } from '../../config/load/load.ts';
import type { PathSettings } from '../../config/schema/path.ts';
import { RtspSource } from '../../sources/rtsp/client.ts';
import type { Source } from '../../stream/contracts.ts';
import { IdentityCheckedSource, type IdentityWatch } from '../cameras/identity-checked-source.ts';
import { streamLogin } from '../cameras/stream-login.ts';

/** The source of a path that is pulled. RTSP in all its spellings is the one kind so far. */
export function makeSource(
  name: string,
  settings: PathSettings,
  config: Config,
  clock: Clock,
  log: Logger,
  watch: IdentityWatch,
): Source {
  const { user, password } = settings.camera ?? {};
  const [firstPort = 0, lastPort = 0] = settings.rtspUDPSourcePortRange;
  const source = new RtspSource(
    {
      name,
      url: settings.source,
      ...(user === undefined ? {} : { user, password: password ?? '' }),
      loginWatch: streamLogin(name, settings.source, settings.camera ?? {}),
      readTimeoutMs: config.readTimeoutMs,
      rtspTransport: settings.rtspTransport,
      rtspAnyPort: settings.rtspAnyPort,
      rtspRangeType: settings.rtspRangeType,
      rtspRangeStart: settings.rtspRangeStart,
      rtspScale: settings.rtspScale,
      rtspUDPSourcePortRange: [firstPort, lastPort],
      udpReadBufferBytes: config.udpReadBufferSize,
      ...(settings.sourceFingerprint === '' ? {} : { sourceFingerprint: settings.sourceFingerprint }),
      isSilent: !settings.audio,
      continueAfterLoss: settings.continueAfterLoss,
      useAbsoluteTimestamp: settings.useAbsoluteTimestamp,
    },
    clock,
    log.child({ path: name }),
  );
  const { endpoint, serial, onvif } = settings.camera ?? {};
  return onvif && (endpoint || serial) ? new IdentityCheckedSource(source, name, watch, clock) : source;
}

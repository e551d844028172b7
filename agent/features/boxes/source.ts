import { PerchError } from '../../base/errors.ts';
import type { SourceKeys } from '../../config/schema/common/key-rules.ts';
import { encodePath, remotePathOf } from '../../config/values/remote-path.ts';
import type { SourceProtocol } from '../../protocols/contract.ts';
import { RtspSource } from '../../sources/rtsp/client.ts';
import { settingsOf } from '../../sources/rtsp/request/settings.ts';
import type { Boxes } from './client/boxes.ts';
import { openRtsp } from './client/rtsp-channel.ts';

/** A camera of another Perch that is paired. */
export const PERCH_SOURCE: SourceKeys<Record<never, never>> = {
  schemes: ['perch'],
  example: 'perch://1a2b3c4d5e6f7a8b/garden',
  schema: {},
  faults: ({ source }) =>
    /^perch:/i.test(source.trim()) && !remotePathOf(source)
      ? [{ key: 'source', message: 'it is not perch://BOX/PATH, with the id of a paired box: see /v3/boxes/list' }]
      : [],
  inert: [],
  renamed: {},
};

/** A camera of a paired box: RTSP through the https port of that box. */
export const perchSource = (boxes: Boxes): SourceProtocol => ({
  apiType: 'perchSource',
  keys: PERCH_SOURCE,
  create({ name, settings, config, clock, log }) {
    const remote = remotePathOf(settings.source);
    if (!remote) {
      throw new PerchError('badInput', `the source of path '${name}' is not perch://BOX/PATH of a paired box`);
    }
    const box = {
      open: (signal: AbortSignal) => openRtsp(boxes, remote.box, signal),
      isConnected: () => boxes.item(remote.box)?.state === 'connected',
      mayTalk: () => boxes.item(remote.box)?.talk === true,
    };
    // The tunnel stands for the connection that `box` opens; the box ignores the host.
    const url = `rtsps+ws://${remote.box}:443/${encodePath(remote.path)}`;
    return new RtspSource({ ...settingsOf(settings, config), rtspTransport: 'tcp', name, url, box }, clock, log);
  },
});

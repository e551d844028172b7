// @also without-ffi in long

import { X509Certificate } from 'node:crypto';
import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { certificate, channelFront, passOn } from '../../../test/support/cameras/channel-front.ts';
import {
  framesOf,
  PICTURE_SDP,
  PICTURES,
  packetsOf,
  pictureCamera,
} from '../../../test/support/cameras/picture-camera.ts';
import { lastCaller, Run } from '../../../test/support/cameras/rtsp-run.ts';
import { type Script, soundPackets } from '../../../test/support/cameras/scripted-camera.ts';
import { toHex } from '../../../test/support/media/units.ts';
import { parseKeyMgmt, writeKeyMgmt } from '../../media/mikey/key-mgmt.ts';
import type { MikeyMessage } from '../../media/mikey/message.ts';
import { AUTH_TAG_BYTES } from '../../media/rtp/header.ts';
import { PacketProtector } from '../../transports/webrtc/srtp/cm-key-stream.ts';
import { createMasterKey, mikeyOf } from '../../transports/webrtc/srtp/master-key.ts';
import { MediaDecryptor } from '../../transports/webrtc/srtp/media-decryptor.ts';

const SOUND = 'm=audio 0 RTP/SAVP 0\r\na=control:sound\r\n';
const SECURE_SDP = PICTURE_SDP.replace(/(m=video \d+) RTP\/AVP/, '$1 RTP/SAVP');

/** An interleaved frame with its packet encrypted, and with the key's identifier before the tag. */
function encrypted(frame: Uint8Array, { key, salt, mki }: MikeyMessage): Buffer {
  const packet = Buffer.concat([frame.subarray(4), Buffer.alloc(AUTH_TAG_BYTES)]);
  new PacketProtector(key, salt).protect(packet, packet.readUInt16BE(2));
  const tagAt = packet.length - AUTH_TAG_BYTES;
  const sent = Buffer.concat([packet.subarray(0, tagAt), mki, packet.subarray(tagAt)]);
  return Buffer.concat([Buffer.from([0x24, frame[1] as number, sent.length >> 8, sent.length & 0xff]), sent]);
}

test('a camera that takes the keys of its media from the client (Axis) is played with them', async () => {
  const keys: MikeyMessage[] = [];
  const axis: Script = (request, caller) => {
    if (request.method === 'PLAY') {
      caller.reply(request, 200, [['Session', '4711']]);
      caller.send(...framesOf(packetsOf()).map((frame) => encrypted(frame, keys[0] as MikeyMessage)));
      caller.send(...soundPackets(0, 2, 2).map((frame) => encrypted(frame, keys[1] as MikeyMessage)));
      return true;
    }
    if (request.method !== 'SETUP') {
      return undefined;
    }
    const key = parseKeyMgmt(request.headers.get('KeyMgmt') ?? '');
    if (key.mki.length !== 4) {
      caller.reply(request, 463);
      return true;
    }
    keys.push(key);
    // The key of the answer has no meaning.
    const other = { ...mikeyOf(createMasterKey(), [], 0), mki: Buffer.from('none') };
    caller.reply(request, 200, [
      ['Session', '4711'],
      ['Transport', request.headers.get('Transport') ?? ''],
      ['KeyMgmt', writeKeyMgmt(request.uri, other)],
    ]);
    return true;
  };
  await using camera = await pictureCamera(axis, { sdp: SECURE_SDP + SOUND });
  const tls = certificate('camera');
  await using front = await channelFront(passOn(camera.port), tls);
  const sourceFingerprint = new X509Certificate(tls.cert).fingerprint256.replaceAll(':', '');
  const clock = new FakeClock();
  const options = { rtspTransport: 'tcp', readTimeoutMs: 60_000, sourceFingerprint } as const;
  await using run = new Run(`rtsps://127.0.0.1:${front.port}/live`, options, clock);
  await run.sampled(PICTURES.length + 2);
  const pictures = run.samples.filter(({ track }) => track === 0).map(({ sample }) => toHex(sample.data));
  expect(pictures).toEqual(PICTURES.map(toHex));
  const { methods } = lastCaller(camera);
  // The camera is asked once without such a key.
  expect(methods.filter((method) => method === 'SETUP')).toHaveLength(3);
  // Two tracks may have the same SSRC, so that each has a key of its own.
  expect(keys[0]?.key).not.toEqual(keys[1]?.key);
  await clock.advance(5_000);
  await camera.until(() => lastCaller(camera).frames.length > 0);
  const [channel, report] = (lastCaller(camera).frames[0] as string).split(':');
  const bytes = Buffer.from(report as string, 'hex');
  expect(channel).toBe('1');
  expect(new MediaDecryptor(keys[0] as MikeyMessage).rtcp(bytes, 0, bytes.length)?.[1]).toBe(201);
});

test('a camera that refuses every key is reported with its status', async () => {
  const refuses: Script = (request, caller) => {
    if (request.method !== 'SETUP') {
      return undefined;
    }
    caller.reply(request, 463);
    return true;
  };
  await using camera = await pictureCamera(refuses, { sdp: SECURE_SDP });
  const tls = certificate('camera');
  await using front = await channelFront(passOn(camera.port), tls);
  const sourceFingerprint = new X509Certificate(tls.cert).fingerprint256.replaceAll(':', '');
  await using run = new Run(`rtsps://127.0.0.1:${front.port}/live`, { rtspTransport: 'tcp', sourceFingerprint });
  expect(await run.failure()).toMatch(/463/);
  expect(lastCaller(camera).methods.filter((method) => method === 'SETUP')).toHaveLength(2);
});

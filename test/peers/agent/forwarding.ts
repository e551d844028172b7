import { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import type { ForwardItem } from '../../../agent/http/api/streams/forwards.ts';
import { certificate } from '../../support/cameras/channel-front.ts';
import { type Agent, startAgent, until } from './agent.ts';

const TLS = join(import.meta.dirname, '../../fixtures/tls');

/** TLS with the certificate of the fixtures; with RTSP and RTMP on a port of its own. */
export const serverCertificate = (server: 'rtsp' | 'rtmp' | 'hls' | 'webrtc'): string => {
  const isSeparate = server === 'rtsp' || server === 'rtmp';
  const files = `${server}ServerKey: ${TLS}/camera.key\n${server}ServerCert: ${TLS}/camera.crt\n`;
  return `${server}Encryption: ${isSeparate ? 'optional' : 'yes'}\n${files}`;
};

/** SHA-256 of that certificate, with colons. */
export const serverFingerprint: string = new X509Certificate(certificate('camera').cert).fingerprint256;

/** Perch with the path `door`, which it forwards. @param destinations YAML of each */
export const forwardingTo = (...destinations: readonly string[]): Promise<Agent> => {
  const list = destinations.map((destination) => `      - { ${destination} }\n`).join('');
  return startAgent({ config: `api: yes\npaths:\n  door:\n    forward:\n${list}` });
};

/** The destination is listed with this state. */
export const forwardWhen = (agent: Agent, pos: number, state: ForwardItem['state']): Promise<ForwardItem> =>
  until(async () => {
    const { items } = await agent.json<{ items: ForwardItem[] }>('/v3/paths/forward/list?path=door');
    return items[pos]?.state === state ? items[pos] : undefined;
  });

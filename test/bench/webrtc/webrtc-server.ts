import type { Page } from 'playwright-core';
import { type Agent, startAgent, until } from '../../peers/agent/agent.ts';
import { startViewer, type Viewer } from '../../peers/browser/browser.ts';
import type { BarClip } from '../../peers/cameras/bar-clip.ts';
import { type ClipCamera, startClipCamera } from '../cameras/clip-cameras.ts';

/** A camera whose time is known, Perch pulling it, and Chromium. */
export interface WebRtcServer extends AsyncDisposable {
  readonly camera: ClipCamera;
  readonly agent: Agent;
  readonly viewer: Viewer;
  readonly whepUrl: string;
  /** Opens a page that may call the agent. */
  openPage(): Promise<Page>;
}

/** @param onvif of the camera, which then gets requests for key frames */
export async function startWebRtcServer(
  clip: BarClip,
  payloadBytes?: number,
  onvif?: (camera: ClipCamera) => string,
): Promise<WebRtcServer> {
  await using stack = new AsyncDisposableStack();
  const camera = stack.use(await startClipCamera(clip, payloadBytes));
  const service = onvif ? `, camera: { onvif: '${onvif(camera)}' }` : '';
  const config = `api: yes\npaths:\n  cam: { source: '${camera.url}'${service} }\n`;
  const agent = stack.use(await startAgent({ config }));
  const viewer = stack.use(await startViewer());
  await until(async () => {
    const { ready } = await agent.json<{ ready: boolean }>('/v3/paths/get/cam');
    return ready || undefined;
  });
  const kept = stack.move();
  return {
    camera,
    agent,
    viewer,
    whepUrl: `http://127.0.0.1:${agent.ports.webrtc}/cam/whep`,
    openPage: () => viewer.open(`${agent.url}/health`),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** Stream of the figures about joining: a key frame every ten seconds. */
export const LONG_GROUPS: BarClip = {
  video: 'h264',
  width: 1280,
  height: 720,
  fps: 25,
  kilobitsPerSecond: 2_000,
  groupSeconds: 10,
  seconds: 60,
};

/** Stream of the figures about sending: small pictures with a high bit rate, because a browser decodes ten streams. */
export const SENT_CLIP: BarClip = {
  video: 'h264',
  width: 640,
  height: 360,
  fps: 25,
  kilobitsPerSecond: 4_000,
  groupSeconds: 2,
  seconds: 20,
};
/** As Perch cuts for browsers: all contenders send packets of the same size. */
export const PAYLOAD_BYTES = 1_188;

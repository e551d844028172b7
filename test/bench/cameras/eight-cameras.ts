import { globSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Agent, startAgent, until } from '../../peers/agent/agent.ts';
import { cameraClip, type GstCamera, playClip, startGstCamera } from '../../peers/cameras/camera.ts';

export const CAMERAS = 8;
export const names = Array.from({ length: CAMERAS }, (_, i) => `cam${i + 1}`);

/** GStreamer serving eight cameras of 1080p25 and about 4 Mbit/s for at least `seconds`. @param groupSeconds between key frames */
export async function startCameras(seconds: number, groupSeconds = 2): Promise<GstCamera> {
  const file = await cameraClip(seconds, groupSeconds);
  return startGstCamera(Object.fromEntries(names.map((name) => [`/${name}`, playClip(file)])));
}

export const cameraUrls = (cameras: GstCamera): string[] => names.map((name) => cameras.url(`/${name}`));

export function recordingConfig(cameras: GstCamera, transport: 'automatic' | 'udp' = 'automatic'): string {
  const paths = names.map((name) => `  ${name}: { source: '${cameras.url(`/${name}`)}', rtspTransport: ${transport} }`);
  return ['playback: yes', 'api: yes', 'pathDefaults: { record: yes }', 'paths:', ...paths, ''].join('\n');
}

/**
 * Perch recording the eight cameras, with all that a user has switched on.
 * @param dataDir for what it writes; a fresh one when not given
 */
export function startRecording(
  cameras: GstCamera,
  dataDir?: string,
  transport: 'automatic' | 'udp' = 'automatic',
): Promise<Agent> {
  const config = recordingConfig(cameras, transport);
  return startAgent(dataDir === undefined ? { config } : { config, dataDir });
}

/** Waits until every camera's file holds its first fragment, which is far larger than a header. */
export async function recordingHasBegun(agent: Pick<Agent, 'dataDir'>): Promise<void> {
  await until(() => {
    const files = globSync(join(agent.dataDir, 'recordings/**/*.mp4'));
    return files.filter(hasFragment).length >= CAMERAS ? true : undefined;
  });
}

export const hasFragment = (file: string): boolean => statSync(file).size > 50_000;

/** V8 collects the garbage of the start once, within the first half minute. It takes a tenth of a second of CPU. */
export const SETTLE_SECONDS = 45;

export const seconds = (count: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, count * 1000));

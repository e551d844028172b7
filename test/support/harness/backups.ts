import { gunzipSync, gzipSync } from 'node:zlib';
import { expect, onTestFinished, vi } from 'vitest';
import {
  type RestartingHarness,
  type RestartingHarnessOptions,
  startRestartingHarness,
} from '../base/restarting-harness.ts';

const DOOR =
  '  door: # at the front\n    source: rtsp://admin:camera-password@127.0.0.9/1\n    camera: { name: Front door }\n';
export const CONFIG = `paths:\n${DOOR}  hall:\n  cellar:\n`;

export async function open(options: RestartingHarnessOptions = { config: CONFIG }): Promise<RestartingHarness> {
  // No pause after wrong logins.
  const unpaused = vi.spyOn(Math, 'random').mockReturnValue(0);
  const box = await startRestartingHarness(options);
  onTestFinished(() => {
    unpaused.mockRestore();
    return box[Symbol.asyncDispose]();
  });
  return box;
}

/** Sends a request of the test's setup, which must succeed. */
export async function done(box: RestartingHarness, method: string, path: string, body?: object): Promise<unknown> {
  const answer = await box.ask(method, path, body);
  expect([answer.status, `${method} ${path} ${JSON.stringify(answer.body)}`]).toEqual([200, expect.anything()]);
  return answer.body;
}

export const viewer = (name: string) => ({
  name,
  password: `password of ${name}`,
  cameras: 'all',
  live: true,
  recordings: true,
});

export interface Document {
  format: string;
  version: number;
  members: { name: string; text: string }[];
}
export function changed(backup: Uint8Array, change: (document: Document) => void): Uint8Array {
  const document = JSON.parse(gunzipSync(backup).toString()) as Document;
  change(document);
  return gzipSync(JSON.stringify(document));
}

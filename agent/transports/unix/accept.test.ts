import { once } from 'node:events';
import { existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { explain, type PerchError } from '../../base/errors.ts';
import { acceptUnix } from './accept.ts';

function socketPath(): string {
  const folder = mkdtempSync(join(tmpdir(), 'perch-unix-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return join(folder, 'cam.sock');
}

/** Accepts a sender at the path until the test ends. */
async function accept(path: string) {
  const received: string[] = [];
  const ends: PerchError[] = [];
  const local = await acceptUnix(`unix+mpegts://${path}`, {
    onData: (chunk) => received.push(Buffer.from(chunk).toString()),
    onEnd: (cause) => ends.push(cause),
  });
  onTestFinished(() => local.close());
  return { received, ends };
}

/** A program that listens at the path, until the test ends. */
async function listen(path: string) {
  const server = createServer((socket) => socket.destroy());
  server.listen(path);
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return server;
}

test('a socket on which a program listens is left to it, and the error names its path', async () => {
  const path = socketPath();
  await listen(path);
  const error = await accept(path).catch(explain);
  expect(error).toBe(`the local socket ${path} cannot be opened: a program or another path listens on it`);
  const still = connect(path);
  await once(still, 'connect');
  still.destroy();
});

test('a socket that an earlier process left is replaced', async () => {
  const path = socketPath();
  const server = await listen(`${path}.old`);
  // Node would remove its own.
  renameSync(`${path}.old`, path);
  server.close();
  await once(server, 'close');
  expect(existsSync(path)).toBe(true);
  const { received } = await accept(path);
  const sender = connect(path);
  onTestFinished(() => void sender.destroy());
  sender.write('media');
  await expect.poll(() => received.join('')).toBe('media');
});

test('a second path with the same socket does not disturb the first', async () => {
  const path = socketPath();
  const { received, ends } = await accept(path);
  await expect(accept(path)).rejects.toThrow('cannot be opened');
  const sender = connect(path);
  sender.write('media');
  await expect.poll(() => received.join('')).toBe('media');
  expect(ends).toEqual([]);
  sender.end();
  await expect.poll(() => ends.map(explain)).toEqual(['the sender has closed the connection']);
});

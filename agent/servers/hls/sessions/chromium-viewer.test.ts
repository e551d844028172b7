import { expect, test } from 'vitest';
import {
  feed,
  HlsPlayer,
  linesOf,
  live,
  openHlsHarness,
} from '../../../../test/support/harness/servers/hls-harness.ts';

const CHROMIUM = { 'accept-encoding': 'identity;q=1, *;q=0' };

const nameOf = (address: string): string => address.replace(/\?.*/, '');

/** Chromium's own player of a low-latency stream that has run for eight seconds; it has loaded everything. */
async function setup() {
  const box = openHlsHarness({ options: { variant: 'lowLatency' } });
  const stream = live(box.paths);
  const player = new HlsPlayer(box.app);
  const open = (headers: Record<string, string>) => player.get('/cam/index.m3u8', headers);
  // Starts the muxer, which has a segment already.
  await open({});
  for (let i = 4; i < 8; i += 1) {
    feed(stream, 1, i);
  }
  const address = linesOf((await open(CHROMIUM)).body).at(-1);
  const ask = () => player.get(`/cam/${address}`, CHROMIUM);
  const first = await ask();
  return { ...box, stream, player, open, ask, first };
}

test("it gets whole segments only, which no cache confuses with other players' responses", async () => {
  const { first } = await setup();
  expect(first.statusCode).toBe(200);
  expect(linesOf(first.body).length).toBe(3);
  expect(first.body).not.toContain('EXT-X-PART');
  expect(first.headers).toMatchObject({ 'cache-control': 'private, no-cache', vary: 'Origin, Accept-Encoding' });
});

test('another player of the same browser does not affect it', async () => {
  const { stream, open, ask } = await setup();
  await open({ 'accept-encoding': 'gzip, deflate, br, zstd' });
  feed(stream, 1, 8);
  const next = await ask();
  expect([next.statusCode, next.body.includes('EXT-X-PART')]).toEqual([200, false]);
});

test('two of them in one browser get separate playlists, at any positions', async () => {
  const { stream, player, open, server } = await setup();
  const addresses = [await open(CHROMIUM), await open(CHROMIUM)].map(({ body }) => linesOf(body).at(-1));
  const ask = async (which: number) => linesOf((await player.get(`/cam/${addresses[which]}`, CHROMIUM)).body);
  // It is up to date when the other one starts.
  const first = await ask(0);
  expect((await ask(1)).map(nameOf)).toEqual(first.map(nameOf));
  feed(stream, 1, 8);
  feed(stream, 1, 9);
  expect((await ask(0)).length).toBeGreaterThan(3);
  expect((await ask(1)).length).toBeGreaterThan(3);
  expect(server.sessions.count).toBe(4);
});

test('while its camera stalls its requests time out, and it continues where it was', async () => {
  const { clock, stream, ask, first } = await setup();
  const waiting = ask();
  await clock.advance(15_000);
  expect((await waiting).statusCode).toBe(503);
  const next = ask();
  feed(stream, 1, 8);
  feed(stream, 1, 9);
  const { statusCode, body } = await next;
  expect([statusCode, linesOf(body).slice(0, 3)]).toEqual([200, linesOf(first.body)]);
});

import { expect, test } from 'vitest';
import { silentLogger } from '../../../base/log.ts';
import { createHttpApp } from '../../listener/app.ts';
import { qrRoute } from './address-routes.ts';

async function ask(payload: object) {
  const app = createHttpApp({ log: silentLogger });
  await app.register(qrRoute, { access: { require: async () => {} } });
  const answer = await app.inject({ method: 'POST', url: '/v3/qr', payload });
  await app.close();
  return answer;
}

test('a text is a QR code with a quiet zone of four squares and three finder patterns', async () => {
  const answer = await ask({ text: 'http://192.168.1.5:8080/trust' });
  expect(answer.headers['cache-control']).toBe('no-store');
  const { size, path } = answer.json<{ size: number; path: string }>();
  const dark = new Set([...path.matchAll(/M(\d+) (\d+)h1v1h-1z/g)].map(([, x, y]) => `${x} ${y}`));
  expect(path).toBe([...dark].map((place) => `M${place}h1v1h-1z`).join(''));
  // ISO/IEC 18004 §6.3.3: 7 by 7 squares, dark at the edge and in the middle.
  const finder = Array.from({ length: 49 }, (_, i) => [i % 7, Math.floor(i / 7)] as const).filter(
    ([x, y]) => Math.max(Math.abs(x - 3), Math.abs(y - 3)) !== 2,
  );
  for (const [left, top] of [[4, 4] as const, [size - 11, 4] as const, [4, size - 11] as const]) {
    expect(finder.every(([x, y]) => dark.has(`${left + x} ${top + y}`))).toBe(true);
  }
  expect([...dark].every((place) => place.split(' ').every((at) => Number(at) >= 4 && Number(at) < size - 4))).toBe(
    true,
  );
});

test('the longest text has a code, one that is longer is rejected', async () => {
  expect((await ask({ text: '门'.repeat(750) })).statusCode).toBe(200);
  expect((await ask({ text: 'a'.repeat(751) })).statusCode).toBe(400);
  expect((await ask({ text: '' })).statusCode).toBe(400);
});

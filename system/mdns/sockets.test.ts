import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, onTestFinished, test } from 'vitest';
import { silentLogger } from '../../agent/base/log.ts';
import { MdnsSockets } from './sockets.ts';

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

test('datagrams that were sent leave nothing in memory', async () => {
  const receiver = createSocket('udp4').bind(0, '127.0.0.1');
  onTestFinished(() => {
    receiver.close();
  });
  await once(receiver, 'listening');
  const to = { address: '127.0.0.1', port: receiver.address().port };
  const sockets = new MdnsSockets({ log: silentLogger, onMessage() {} });
  onTestFinished(() => sockets.close());
  const link = { key: 'lo', name: 'lo', family: 'IPv4', address: '127.0.0.1' } as never;
  expect(await sockets.setLinks([link])).toHaveLength(1);
  const bytes = Buffer.alloc(12);
  const heapAfter = async (datagrams: number) => {
    for (let sent = 0; sent < datagrams; sent += 1) {
      sockets.send('lo', bytes, to);
      if (sent % 100 === 0) {
        await new Promise(setImmediate);
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
    collect();
    return process.memoryUsage().heapUsed;
  };
  const before = await heapAfter(2_000);
  const growth = (await heapAfter(40_000)) - before;
  expect(growth).toBeLessThan(1_000_000);
});

import { expect, test } from 'vitest';
import { DOOR, FakeSource, soapRequest } from '../../../../test/features/onvif-device/support/onvif-device-harness.ts';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { silentLogger } from '../../../base/log.ts';
import { ptzLookup } from './ptz-configuration.ts';
import { ptzOperations } from './ptz-service.ts';
import { parseRequest } from './soap.ts';

const STOP = '<tptz:Stop><tptz:ProfileToken>main</tptz:ProfileToken></tptz:Stop>';
const move = (x: string, profile = 'main') =>
  `<tptz:ContinuousMove><tptz:ProfileToken>${profile}</tptz:ProfileToken><tptz:Velocity><tt:PanTilt x="${x}" y="0"/></tptz:Velocity><tptz:Timeout>PT10S</tptz:Timeout></tptz:ContinuousMove>`;

/** A camera that answers when the test lets it. */
class SlowSource extends FakeSource {
  readonly waiting: (() => void)[] = [];
  isSlow = false;

  override readonly ptz = {
    ...new FakeSource().ptz,
    abilities: async () => {
      await this.#answer();
      return { hasPanTilt: true, hasZoom: false, hasHome: true, maxPresets: 8 };
    },
    move: async (_path: string, { pan }: { readonly pan?: number }) => {
      this.moves.push(`move ${pan}`);
      await this.#answer();
    },
    stop: async () => void this.moves.push('stop'),
  };

  async #answer(): Promise<void> {
    if (this.isSlow) {
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
  }

  async answerAll(): Promise<void> {
    for (const answer of this.waiting.splice(0)) {
      answer();
    }
    await settled();
  }
}

/** Resolves when everything that waits only for promises is done. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

function openPtz() {
  const source = new SlowSource();
  const clock = new FakeClock();
  const { signal } = new AbortController();
  const operations = ptzOperations({
    source,
    lookup: ptzLookup(source.ptz, clock),
    clock,
    log: silentLogger,
    signal,
  });
  const ask = async (text: string): Promise<string> => {
    const { operation, body } = parseRequest(Buffer.from(soapRequest(text)));
    const call = {
      camera: DOOR,
      body,
      origin: '',
      host: '',
      subscription: undefined,
      user: 'recorder',
      ip: '',
      signal,
    };
    return (await operations[operation]?.answer(call)) ?? '';
  };
  const pass = async (seconds: number) => {
    for (let second = 0; second < seconds; second += 1) {
      await clock.advance(1_000);
      await settled();
    }
  };
  return { source, ask, pass };
}

test('a movement is repeated each second, and stopped at its end', async () => {
  const { source, ask, pass } = openPtz();
  await ask(move('1'));
  await pass(12);
  expect(source.moves).toEqual([...Array.from({ length: 10 }, () => 'move 1'), 'stop']);
});

test('a Stop while the camera still answers the movement ends it', async () => {
  const { source, ask, pass } = openPtz();
  await ask(STOP);
  source.isSlow = true;
  const moving = ask(move('1'));
  await settled();
  await ask(STOP);
  source.isSlow = false;
  await source.answerAll();
  await moving;
  await pass(5);
  expect(source.moves).toEqual(['stop', 'move 1', 'stop']);
});

test('a Stop while the camera is still asked what it can move ends the movement before it starts', async () => {
  const { source, ask, pass } = openPtz();
  source.isSlow = true;
  const asked = [ask(move('1')), ask(STOP)];
  await settled();
  source.isSlow = false;
  await source.answerAll();
  await Promise.all(asked);
  await pass(5);
  expect(source.moves).toEqual(['stop']);
});

test('of two movements at the same time the second one remains', async () => {
  const { source, ask, pass } = openPtz();
  await ask(STOP);
  source.isSlow = true;
  const asked = [ask(move('1')), ask(move('-1'))];
  await settled();
  source.isSlow = false;
  await source.answerAll();
  await Promise.all(asked);
  await pass(2);
  await ask(STOP);
  await pass(5);
  expect(source.moves).toEqual(['stop', 'move -1', 'move -1', 'move -1', 'stop']);
});

test('a movement that the camera refuses is over', async () => {
  const { source, ask } = openPtz();
  await expect(ask(move('1', 'other'))).rejects.toThrow();
  await expect(ask(move('2'))).rejects.toThrow('outside -1 to 1');
  expect(await ask('<tptz:GetStatus><tptz:ProfileToken>main</tptz:ProfileToken></tptz:GetStatus>')).toContain('IDLE');
  expect(source.moves).toEqual([]);
});

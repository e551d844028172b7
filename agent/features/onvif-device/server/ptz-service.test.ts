import { expect, test } from 'vitest';
import { DOOR, FakeSource, soapRequest } from '../../../../test/features/onvif-device/support/onvif-device-harness.ts';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { PerchError } from '../../../base/errors.ts';
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
  hasZoom = false;
  hasAbsolute = true;
  isMute = false;
  questions = 0;
  where: PerchError | Awaited<ReturnType<FakeSource['ptz']['position']>> = { pan: 0.5, tilt: -0.25, zoom: null };

  override readonly ptz = {
    ...new FakeSource().ptz,
    abilities: async () => {
      await this.#answer();
      return { hasPanTilt: true, hasZoom: this.hasZoom, hasHome: true, hasAbsolute: this.hasAbsolute, maxPresets: 8 };
    },
    move: async (_path: string, { pan }: { readonly pan?: number }) => {
      this.moves.push(`move ${pan}`);
      await this.#answer();
    },
    stop: async () => void this.moves.push('stop'),
    position: async () => {
      this.questions += 1;
      if (this.isMute) {
        await new Promise<void>((resolve) => this.waiting.push(resolve));
      }
      if (this.where instanceof PerchError) {
        throw this.where;
      }
      return this.where;
    },
    moveTo: async (_path: string, position: object) => void this.moves.push(`to ${JSON.stringify(position)}`),
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
      requirePlayback: () => {},
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

const GENERIC = 'http://www.onvif.org/ver10/tptz/PanTiltSpaces/PositionGenericSpace';
const ZOOM = 'http://www.onvif.org/ver10/tptz/ZoomSpaces/PositionGenericSpace';
const moveTo = (position: string) =>
  `<tptz:AbsoluteMove><tptz:ProfileToken>main</tptz:ProfileToken><tptz:Position>${position}</tptz:Position></tptz:AbsoluteMove>`;
const STATUS = '<tptz:GetStatus><tptz:ProfileToken>main</tptz:ProfileToken></tptz:GetStatus>';

test('an absolute move ends a movement, and goes to the camera with the axes that it has', async () => {
  const { source, ask, pass } = openPtz();
  source.hasZoom = true;
  await ask(move('1'));
  await ask(moveTo('<tt:PanTilt x="0.5" y="-1"/><tt:Zoom x="0.25"/>'));
  await ask(moveTo(`<tt:PanTilt x="0" y="0" space="${GENERIC}"/>`));
  await ask(moveTo(`<tt:Zoom x="1" space="${ZOOM}"/>`));
  await pass(5);
  expect(source.moves).toEqual([
    'move 1',
    'to {"pan":0.5,"tilt":-1,"zoom":0.25}',
    'to {"pan":0,"tilt":0}',
    'to {"zoom":1}',
  ]);
});

test('an absolute move that is refused leaves the movement that runs', async () => {
  const { source, ask, pass } = openPtz();
  await ask(move('1'));
  await expect(ask(moveTo('<tt:PanTilt x="1.1" y="0"/>'))).rejects.toThrow('outside');
  await expect(ask(moveTo('<tt:PanTilt x="0" y="0" space="urn:other"/>'))).rejects.toThrow('generic');
  source.hasAbsolute = false;
  await pass(2);
  expect(source.moves).toEqual(['move 1', 'move 1', 'move 1']);
});

test('an absolute move at a camera without positions leaves the movement that runs', async () => {
  const { source, ask, pass } = openPtz();
  source.hasAbsolute = false;
  await ask(move('1'));
  await expect(ask(moveTo('<tt:PanTilt x="0" y="0"/>'))).rejects.toThrow('AbsoluteMove');
  await pass(1);
  expect(source.moves).toEqual(['move 1', 'move 1']);
});

test('after an absolute move the camera is moving until its position rests', async () => {
  const { source, ask, pass } = openPtz();
  await ask(moveTo('<tt:PanTilt x="1" y="0"/>'));
  for (const pan of [0.5, 0.7, 1]) {
    source.where = { pan, tilt: 0, zoom: null };
    expect(await ask(STATUS)).toContain('MOVING');
    await pass(1);
  }
  expect(await ask(STATUS)).toContain('IDLE');
  await ask(moveTo('<tt:PanTilt x="0" y="0"/>'));
  await ask(STOP);
  expect(await ask(STATUS)).toContain('IDLE');
});

test('a camera that does not say where it looks is moving for ten seconds after an absolute move', async () => {
  const { source, ask, pass } = openPtz();
  source.where = new PerchError('unsupported', 'the camera does not report its position');
  await ask(moveTo('<tt:PanTilt x="1" y="0"/>'));
  await pass(9);
  expect(await ask(STATUS)).toContain('MOVING');
  await pass(1);
  expect(await ask(STATUS)).toContain('IDLE');
});

test('a camera that does not answer has a status after a second, and is asked once until it answers', async () => {
  const { source, ask, pass } = openPtz();
  source.isMute = true;
  for (let poll = 0; poll < 3; poll += 1) {
    const status = ask(STATUS);
    await settled();
    await pass(1);
    expect(await status).toContain('IDLE');
    expect(await status).not.toContain('Position');
  }
  expect(source.questions).toBe(1);
  source.isMute = false;
  await source.answerAll();
  expect(await ask(STATUS)).toContain('Position');
  expect(source.questions).toBe(2);
});

test.for<[position: string, reason: string]>([
  ['', 'needs a Position'],
  ['<tt:PanTilt x="1.1" y="0"/>', 'pan of 1.1 is outside -1 to 1'],
  ['<tt:PanTilt x="0"/>', 'PanTilt needs y'],
  ['<tt:PanTilt y="0"/>', 'PanTilt needs x'],
  ['<tt:Zoom/>', 'Zoom needs x'],
  ['<tt:PanTilt x="0" y="NaN"/>', 'tilt of NaN is outside -1 to 1'],
  ['<tt:Zoom x="-0.1"/>', 'zoom of -0.1 is outside 0 to 1'],
  [
    '<tt:PanTilt x="10" y="5" space="http://www.onvif.org/ver10/tptz/PanTiltSpaces/SphericalPositionSpaceDegrees"/>',
    'generic',
  ],
])('an absolute move to %s is a fault: %s', async ([position, reason]) => {
  const { source, ask } = openPtz();
  await expect(ask(moveTo(position))).rejects.toThrow(reason);
  expect(source.moves).toEqual([]);
});

test('the status has the position of the camera, as far as the camera reports it', async () => {
  const { source, ask } = openPtz();
  expect(await ask(STATUS)).toContain(`<tt:Position><tt:PanTilt x="0.5" y="-0.25" space="${GENERIC}"/></tt:Position>`);
  source.where = { pan: null, tilt: null, zoom: 0.5 };
  expect(await ask(STATUS)).toContain(`<tt:Position><tt:Zoom x="0.5" space="${ZOOM}"/></tt:Position>`);
  source.where = new PerchError('unsupported', 'the camera does not report its position');
  const without = await ask(STATUS);
  expect(without).toContain('IDLE');
  expect(without).not.toContain('Position');
});

test('a camera without absolute positions offers none, refuses them, and is not asked where it looks', async () => {
  const { source, ask } = openPtz();
  source.hasAbsolute = false;
  for (const operation of ['GetNodes', 'GetConfigurations']) {
    expect(await ask(`<tptz:${operation}/>`)).not.toContain('PositionGenericSpace');
  }
  await expect(ask(moveTo('<tt:PanTilt x="0" y="0"/>'))).rejects.toThrow('AbsoluteMove');
  expect(await ask(STATUS)).not.toContain('Position');
});

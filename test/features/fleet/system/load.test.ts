import { expect, test } from 'vitest';
import { until } from '../../../peers/agent/agent.ts';
import { describeWith } from '../../../peers/programs/peers.ts';
import { FleetLoad, type LoadFigures } from '../support/load.ts';

const BOXES = Number(process.env['PERCH_FLEET_BOXES'] ?? 2_000);
const CAMERAS = 10;
/** Events of a camera in a day: twice those of `docs/scale.md`. */
const EVENTS_A_DAY = 200;
const SECONDS = Number(process.env['PERCH_FLEET_SECONDS'] ?? 60);
/** How long the bus is away: until boxes try it as seldom as they ever do. */
const AWAY_SECONDS = 60;
const P95_MS = 1_000;
const RECOVERED_SECONDS = 60;

const perSecond = (BOXES * CAMERAS * EVENTS_A_DAY) / 86_400;
const note = (text: string) => process.stdout.write(`${text}\n`);

const sentence = (when: string, it: LoadFigures): string =>
  [
    `${when}: ${it.reports} reports in ${it.seconds.toFixed(0)} s`,
    `from box to page p50 ${it.p50Ms} ms, p95 ${it.p95Ms} ms, longest ${it.maxMs} ms`,
    ...it.usage.map(({ program, cpu, mb }) => `${program} ${cpu.toFixed(0)} % of a core and ${mb.toFixed(0)} MB`),
  ].join('; ');

describeWith(
  ['nats-server', 'postgresql'],
  `${BOXES} boxes with ${CAMERAS} cameras each on the bus, and two servers of one database`,
  () => {
    test('events are at each page within a second, all come back within a minute after an outage of the bus, and none is lost', {
      timeout: 1_800_000,
    }, async () => {
      await using load = await FleetLoad.open(BOXES, CAMERAS, note);
      const { pages } = load;
      const haveArrived = (count: number, name?: string) =>
        until(() => (pages.every((page) => page.count(name) === count) ? true : undefined));
      const arrived = (name: string) => haveArrived(BOXES, `${name}-`);
      const beganMs = performance.now();
      load.moveAll('first');
      await arrived('first');
      note(`the first event of each box is there after ${((performance.now() - beganMs) / 1000).toFixed(1)} s`);
      load.moveInTurn(perSecond);
      await new Promise((resolve) => setTimeout(resolve, 10_000));
      const steady = await load.measure(SECONDS);
      note(sentence('steady', steady));
      await load.fleet.nats.stop('SIGKILL');
      await new Promise((resolve) => setTimeout(resolve, AWAY_SECONDS * 1000));
      const awayMs = performance.now();
      await load.fleet.nats.start();
      load.moveAll('back');
      await until(async () => ((await load.state()).connected === BOXES ? true : undefined));
      note(`all boxes are connected again after ${((performance.now() - awayMs) / 1000).toFixed(1)} s`);
      await arrived('back');
      const recoveredS = (performance.now() - awayMs) / 1000;
      note(`an event of each is at the page after ${recoveredS.toFixed(1)} s`);
      note(sentence('after the outage', await load.measure(SECONDS)));
      load.moveInTurn(0);
      const { made } = await load.state();
      await haveArrived(made);
      note(`all ${made} events are at both pages`);
      expect(
        { p95: steady.p95Ms <= P95_MS, recovered: recoveredS <= RECOVERED_SECONDS },
        `${steady.p95Ms} ms, ${recoveredS} s`,
      ).toEqual({
        p95: true,
        recovered: true,
      });
    });
  },
);

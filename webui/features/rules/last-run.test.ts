import { expect, test } from 'vitest';
import { common } from '../../words/en/common.ts';
import { common as zhCommon } from '../../words/zh-cn/common.ts';
import { lastRun, type RuleStatus } from './last-run.ts';
import { en } from './words/en.ts';
import { zhCn } from './words/zh-cn.ts';

const NOW_MS = new Date(2026, 10, 24, 21, 30).getTime();
const at = (hour: number, minute: number) => new Date(2026, 10, 24, hour, minute).toISOString();
const done = { path: 'yard', problem: null };
const failed = { path: 'yard', problem: 'the camera does not answer' };
const status = (change: Partial<RuleStatus>): RuleStatus => ({
  name: 'Gate',
  last: null,
  runningUntil: null,
  problems: [],
  ...change,
});

test.for([
  [{}, 'Has not run yet', '尚未运行', []],
  [{ last: { time: at(21, 4), results: [done] } }, 'Ran: 21:04', '上次运行：21:04', []],
  [
    { last: { time: at(21, 29), results: [done] }, runningUntil: at(21, 31) },
    'Running until 21:31',
    '正在运行，至 21:31',
    [],
  ],
  [
    { last: { time: at(21, 4), results: [failed, failed] } },
    'Ran: 21:04. Yard did not do it.',
    '上次运行：21:04。Yard 未能执行。',
    ['the camera does not answer'],
  ],
  [
    { last: { time: at(21, 4), results: [done, failed, failed] } },
    'Ran: 21:04. Yard did not do all of it.',
    '上次运行：21:04。Yard 未能全部执行。',
    ['the camera does not answer'],
  ],
  [
    { last: { time: at(21, 4), results: [{ path: null, problem: 'status 500' }] } },
    'Ran: 21:04. The box could not do it.',
    '上次运行：21:04。主机未能执行。',
    ['status 500'],
  ],
  [
    { problems: ["rule 'Gate': there is no camera 'yard': it was removed or renamed"] },
    'Has not run yet',
    '尚未运行',
    ["there is no camera 'yard': it was removed or renamed"],
  ],
] as const)('%j is said as %s', ([change, english, chinese, reasons]) => {
  const seen = status(change);
  const own = (t: typeof en, language: string, words: typeof common) =>
    lastRun(seen, NOW_MS, t, { language, words }, () => 'Yard');
  expect(own(en, 'en-GB', common)).toEqual({ text: english, reasons });
  expect(own(zhCn, 'zh-CN', zhCommon).text).toBe(chinese);
});

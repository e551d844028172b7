import { expect, test } from 'vitest';
import { parseSmart } from './sensors.ts';

const NOTHING = { health: undefined, wornPercent: undefined, temperatureCelsius: undefined };
const nvme = (value: number, percentage_used: number) => ({
  smart_status: { passed: value === 0, nvme: { value } },
  nvme_smart_health_information_log: { critical_warning: value, temperature: 50, percentage_used },
  temperature: { current: 50 },
});
const ata = (passed: boolean, ...table: readonly object[]) => ({
  smart_status: { passed },
  temperature: { current: 31 },
  ata_device_statistics: { pages: [{ number: 7, name: 'Solid State Device Statistics', table }] },
});
const used = (value: unknown) => ({ offset: 8, name: 'Percentage Used Endurance Indicator', size: 1, value });

test.for([
  ['a new NVMe drive', nvme(0, 0), { health: 'ok', wornPercent: 0, temperatureCelsius: 50 }],
  ['an NVMe drive used beyond its life', nvme(0, 255), { health: 'ok', wornPercent: 100, temperatureCelsius: 50 }],
  ['an NVMe drive without spare blocks', nvme(1, 9), { health: 'failing', wornPercent: 9, temperatureCelsius: 50 }],
  ['an NVMe drive that is too hot', nvme(2, 9), { health: 'ok', wornPercent: 9, temperatureCelsius: 50 }],
  ['one that is hot and unreliable', nvme(6, 9), { health: 'failing', wornPercent: 9, temperatureCelsius: 50 }],
  ['an SSD', ata(true, used(12)), { health: 'ok', wornPercent: 12, temperatureCelsius: 31 }],
  ['a SAS SSD', { scsi_percentage_used_endurance_indicator: 7 }, { ...NOTHING, wornPercent: 7 }],
  ['a failing hard disk', ata(false), { health: 'failing', wornPercent: undefined, temperatureCelsius: 31 }],
  ['a USB stick', { smartctl: { exit_status: 4 }, device: { name: '/dev/sdb', type: 'scsi' } }, NOTHING],
] as const)('the state of %s', ([, output, state]) => {
  expect(parseSmart(output)).toEqual(state);
});

test.for([
  ['nothing', undefined],
  ['null', null],
  ['a text', 'smartctl: not found'],
  ['a list', [[]]],
  ['parts that are null', { smart_status: null, temperature: null, ata_device_statistics: { pages: [null, 7] } }],
  ['texts for numbers', { smart_status: { passed: 'yes' }, temperature: { current: '50' } }],
  ['impossible numbers', { ...ata(true, used(-1), used(1.5)), smart_status: {}, temperature: { current: 9_000 } }],
  ['pages in place of a list', { ata_device_statistics: { pages: { number: 7 } } }],
] as const)('%s says nothing', ([, output]) => {
  expect(parseSmart(output)).toEqual(NOTHING);
});

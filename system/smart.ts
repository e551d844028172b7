/** The state of a drive by its own measurements; undefined: it does not tell. */
export interface Smart {
  readonly health: 'ok' | 'failing' | undefined;
  /** Used part of its life, at most 100. */
  readonly wornPercent: number | undefined;
  readonly temperatureCelsius: number | undefined;
}

/** Bit of the critical warnings (NVM Express Base 2.0, figure 207): the temperature is out of its range, which passes. */
const TEMPERATURE_WARNING = 1 << 1;
/** Statistics of solid state devices, and its percentage used (ATA ACS-4, 9.5.10). */
const SSD_PAGE = 7;
const PERCENTAGE_USED = 8;

/** @param output of `smartctl --json`, parsed; smartctl 7.0 and later */
export function parseSmart(output: unknown): Smart {
  const { passed, nvme } = recordOf(of(output, 'smart_status'));
  const warnings = countOf(of(nvme, 'value')) ?? 0;
  const isHeatAlone = warnings === TEMPERATURE_WARNING;
  const degrees = of(of(output, 'temperature'), 'current');
  return {
    health: passed === true || (passed === false && isHeatAlone) ? 'ok' : passed === false ? 'failing' : undefined,
    wornPercent: wornPercentOf(output),
    temperatureCelsius: typeof degrees === 'number' && degrees > 0 && degrees < 150 ? degrees : undefined,
  };
}

function wornPercentOf(output: unknown): number | undefined {
  const page = listOf(of(of(output, 'ata_device_statistics'), 'pages')).find((one) => of(one, 'number') === SSD_PAGE);
  const statistic = listOf(of(page, 'table')).find((one) => of(one, 'offset') === PERCENTAGE_USED);
  const percent =
    countOf(of(of(output, 'nvme_smart_health_information_log'), 'percentage_used')) ??
    countOf(of(statistic, 'value')) ??
    countOf(of(output, 'scsi_percentage_used_endurance_indicator'));
  return percent === undefined ? undefined : Math.min(100, percent);
}

const recordOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
const of = (value: unknown, key: string): unknown => recordOf(value)[key];
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const countOf = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 ? value : undefined;

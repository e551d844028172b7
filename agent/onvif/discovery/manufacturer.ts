import { decodedScope } from '../soap/scopes.ts';

/** ONVIF defines no scope for the manufacturer (Core §7.3.2.2); cameras use these. */
const MANUFACTURER_SCOPES = ['manufacturer', 'mfr', 'mfgr', 'vendor', 'brand', 'make'];
/** Their values often start with the manufacturer: `name/HIKVISION%20DS-2CD2043G2`, `hardware/AXIS%20M1065`. */
const NAME_SCOPES = ['name', 'hardware'];

const MAKERS: readonly (readonly [name: string, ...brands: string[]])[] = [
  ['Hikvision', 'HiLook', 'HiWatch'],
  ['Annke'],
  ['LTS'],
  ['EZVIZ'],
  ['Dahua'],
  ['Amcrest'],
  ['Lorex'],
  ['Imou'],
  ['Reolink'],
  ['TP-Link', 'TPLink', 'Tapo', 'VIGI'],
  ['Uniview', 'UNV'],
  ['Axis'],
  ['Hanwha', 'Wisenet'],
  ['Samsung'],
  ['Bosch'],
  ['Sony'],
  ['i-PRO'],
  ['Panasonic'],
  ['Vivotek'],
  ['Foscam'],
  ['D-Link'],
  ['Grandstream'],
  ['Mobotix'],
  ['Milesight'],
  ['Tiandy'],
  ['Avigilon'],
  ['Pelco'],
  ['GeoVision'],
  ['INSTAR'],
  ['ACTi'],
  ['Honeywell'],
  ['Canon'],
  ['Swann'],
  ['Avycon'],
  ['Sonoff'],
  ['XMEye', 'Xiongmai'],
  ['Ubiquiti', 'UniFi'],
];

const makerOfWord = new Map(
  MAKERS.flatMap(([name, ...brands]) => [name, ...brands].map((word) => [word.toLowerCase(), name] as const)),
);

/** The manufacturer by discovery scopes: stated, else a known maker in its name or in the host of a vendor scope. */
export function manufacturerOf(scopes: readonly string[]): string | undefined {
  const parts = scopes.map(partsOf);
  const said = parts.find(({ kind, value }) => MANUFACTURER_SCOPES.includes(kind) && value !== undefined);
  if (said) {
    return said.value;
  }
  const names = parts.flatMap(({ kind, value }) => (NAME_SCOPES.includes(kind) && value ? [value] : []));
  const hosts = parts.flatMap(({ host }) => (host === 'www.onvif.org' ? [] : [host.replaceAll('.', ' ')]));
  for (const text of [...names, ...hosts]) {
    const words: readonly string[] = text.toLowerCase().match(/[a-z0-9-]+/g) ?? [];
    // The model may follow after a hyphen: `HIKVISION-DS2`.
    const starts = words.flatMap((word) => [word, word.split('-', 1)[0] ?? '']);
    const maker = starts.map((word) => makerOfWord.get(word)).find((name) => name !== undefined);
    if (maker !== undefined) {
      return maker;
    }
  }
  return undefined;
}

function partsOf(scope: string): { readonly host: string; readonly kind: string; readonly value: string | undefined } {
  const [, host = '', kind = '', value = ''] = /^[a-z]+:\/\/([^/]*)\/([^/]*)\/?(.*)$/i.exec(scope) ?? [];
  return { host: host.toLowerCase(), kind: kind.toLowerCase(), value: decodedScope(value) };
}

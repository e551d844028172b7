import { Fault, findDeep, type Operations, SERVICES } from '../call.ts';
import type { CameraState } from '../state.ts';

const answer = (operation: string, inner = ''): string =>
  `<timg:${operation}Response xmlns:timg="${SERVICES.imaging}">${inner}</timg:${operation}Response>`;

export function imagingOperations({ imaging, profiles, quirks }: CameraState): Operations {
  const check = (token: string | undefined) => {
    if (!profiles.some(({ source = 'video' }) => source === token)) {
      throw new Fault('NoSource', 'no video source of this token');
    }
  };
  return {
    GetImagingSettings: (call) => {
      check(call.argument('VideoSourceToken'));
      const settings = [...imaging].map(([name, value]) => `<tt:${name}>${value}</tt:${name}>`).join('');
      return answer('GetImagingSettings', `<timg:ImagingSettings>${settings}</timg:ImagingSettings>`);
    },
    SetImagingSettings: (call) => {
      check(call.argument('VideoSourceToken'));
      const settings = findDeep(call.root, 'ImagingSettings');
      if (
        quirks.refusesWholeImaging &&
        (call.argument('Brightness') ?? call.argument('ForcePersistence')) !== undefined
      ) {
        throw new Fault('SettingsInvalid', 'only what is to change');
      }
      for (const name of ['IrCutFilter', 'Brightness', 'Contrast'] as const) {
        const value = call.argument(name);
        if (settings && value !== undefined) {
          imaging.set(name, value);
        }
      }
      return answer('SetImagingSettings');
    },
    GetOptions: () =>
      answer(
        'GetOptions',
        '<timg:ImagingOptions><tt:IrCutFilterModes>ON</tt:IrCutFilterModes><tt:IrCutFilterModes>OFF</tt:IrCutFilterModes>' +
          '<tt:IrCutFilterModes>AUTO</tt:IrCutFilterModes></timg:ImagingOptions>',
      ),
  };
}

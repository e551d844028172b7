import { escapeXml } from '../../../agent/onvif/soap/xml/xml.ts';
import {
  attributeOf,
  type Call,
  durationMs,
  Fault,
  findDeep,
  notSupported,
  numberOf,
  type Operations,
  SERVICES,
} from '../call.ts';
import type { PtzPosition } from '../ptz-head.ts';
import type { CameraState } from '../state.ts';
import { checkVector, FIELD_OF_VIEW, readPlace, spacesOf, writePlace } from './ptz-spaces.ts';

const CONFIGURATION =
  '<tt:Name>ptz</tt:Name><tt:UseCount>2</tt:UseCount><tt:NodeToken>node</tt:NodeToken>' +
  '<tt:DefaultPTZTimeout>PT5S</tt:DefaultPTZTimeout>';
export const PTZ_CONFIGURATION = `<tt:PTZConfiguration token="ptz">${CONFIGURATION}</tt:PTZConfiguration>`;

/** Part of each profile. */
export const hasPtz = ({ quirks: { ptz } }: CameraState): boolean => ptz !== 'none' && ptz !== 'serviceOnly';

const answer = (operation: string, inner = ''): string =>
  `<tptz:${operation}Response xmlns:tptz="${SERVICES.ptz}">${inner}</tptz:${operation}Response>`;

export function ptzOperations(state: CameraState): Operations {
  const { ptz, quirks } = state;
  const check = (call: Call) => {
    if (!state.profile(call.argument('ProfileToken'))) {
      throw new Fault('NoProfile', 'no profile of this token');
    }
    if (findDeep(call.root, 'Zoom') && (quirks.refusesZoom || quirks.ptz === 'panTilt') && call.operation !== 'Stop') {
      throw new Fault('SpaceNotSupported', 'there is no zoom');
    }
    if (quirks.refusesOperations?.includes(call.operation)) {
      throw notSupported();
    }
    if (
      quirks.refusesBothAxes &&
      (findDeep(call.root, 'Velocity') ?? findDeep(call.root, 'Position')) &&
      findDeep(call.root, 'PanTilt') &&
      findDeep(call.root, 'Zoom')
    ) {
      throw new Fault('InvalidVelocity', 'one axis at a time');
    }
  };
  return {
    GetServiceCapabilities: () =>
      answer('GetServiceCapabilities', '<tptz:Capabilities EFlip="false" Reverse="false"/>'),
    GetNodes: () => answer('GetNodes', node('tptz:PTZNode', state)),
    GetNode: () => answer('GetNode', node('tptz:PTZNode', state)),
    GetConfigurations: () =>
      answer('GetConfigurations', `<tptz:PTZConfiguration token="ptz">${CONFIGURATION}</tptz:PTZConfiguration>`),
    GetConfigurationOptions: () => answer('GetConfigurationOptions', options(state)),
    GetStatus: (call) => {
      check(call);
      return answer('GetStatus', status(state));
    },
    ContinuousMove: (call) => {
      check(call);
      const timeout = call.argument('Timeout');
      if (timeout !== undefined && quirks.refusesMoveTimeout) {
        throw new Fault('InvalidArgVal', 'timeout is not supported');
      }
      ptz.move(position(call), durationMs(timeout));
      return answer('ContinuousMove');
    },
    RelativeMove: (call) => {
      check(call);
      checkVector(state, call);
      const { x, y, zoom } = ptz.position;
      const by = position(call);
      if (attributeOf(call, 'PanTilt', 'space') === FIELD_OF_VIEW) {
        const end = quirks.fieldOfViewRange === 'infinite' ? 1 : (quirks.fieldOfViewRange ?? 1);
        ptz.turnInView(by.x / end, by.y / end);
        return answer('RelativeMove');
      }
      ptz.goTo({ x: x + by.x, y: y + by.y, zoom: zoom + by.zoom });
      return answer('RelativeMove');
    },
    AbsoluteMove: (call) => {
      check(call);
      checkVector(state, call);
      const to = readPlace(state, call, position(call));
      const now = ptz.position;
      const [turns, zooms] = [findDeep(call.root, 'PanTilt'), findDeep(call.root, 'Zoom')];
      ptz.goTo({ x: turns ? to.x : now.x, y: turns ? to.y : now.y, zoom: zooms ? to.zoom : now.zoom });
      return answer('AbsoluteMove');
    },
    Stop: (call) => {
      check(call);
      if (!quirks.ignoresStop) {
        ptz.stop(call.argument('PanTilt') !== 'false', call.argument('Zoom') !== 'false');
      }
      return answer('Stop');
    },
    ...presetOperations(state, check),
    ...commandOperations(state, check),
  };
}

function presetOperations({ ptz, quirks }: CameraState, check: (call: Call) => void): Operations {
  const most = quirks.presets === 'none' ? 0 : (quirks.presets ?? 8);
  const known = (call: Call) => {
    check(call);
    const preset = ptz.presets.get(call.argument('PresetToken') ?? '');
    if (!preset) {
      throw new Fault('NoToken', 'no preset of this token');
    }
    return preset;
  };
  const orFail = (isSupported: boolean, operations: Operations): Operations =>
    isSupported ? operations : Object.fromEntries(Object.keys(operations).map((name) => [name, fail]));
  const fail = () => {
    throw notSupported();
  };
  return {
    ...orFail(most > 0, {
      GetPresets: () =>
        answer('GetPresets', [...ptz.presets].map(([token, one]) => preset(token, one.name, one.position)).join('')),
      SetPreset: (call) => {
        check(call);
        const token = call.argument('PresetToken');
        if (
          (quirks.wantsPresetToken && token === undefined) ||
          (quirks.refusesPresetName && call.argument('PresetName') !== undefined)
        ) {
          throw new Fault('InvalidArgVal', 'a preset is a token');
        }
        if (token === undefined && ptz.presets.size >= most) {
          throw new Fault('TooManyPresets', `at most ${most} presets`, { isSender: false });
        }
        const set = ptz.setPreset(call.argument('PresetName') ?? '', token);
        return answer('SetPreset', `<tptz:PresetToken>${set}</tptz:PresetToken>`);
      },
      GotoPreset: (call) => {
        const { position: at } = known(call);
        if (quirks.wantsPresetSpeed && !findDeep(call.root, 'Speed')) {
          throw new Fault('InvalidArgVal', 'a speed is needed');
        }
        ptz.goTo(at);
        return answer('GotoPreset');
      },
      RemovePreset: (call) => {
        known(call);
        ptz.presets.delete(call.argument('PresetToken') ?? '');
        return answer('RemovePreset');
      },
    }),
    ...orFail(!quirks.hasNoHome, {
      GotoHomePosition: (call) => {
        check(call);
        ptz.goTo(ptz.home);
        return answer('GotoHomePosition');
      },
      SetHomePosition: (call) => {
        check(call);
        ptz.home = ptz.position;
        return answer('SetHomePosition');
      },
    }),
  };
}

const preset = (token: string, name: string, { x, y, zoom }: PtzPosition): string =>
  `<tptz:Preset token="${escapeXml(token)}"><tt:Name>${escapeXml(name)}</tt:Name><tt:PTZPosition>` +
  `<tt:PanTilt x="${x}" y="${y}"/><tt:Zoom x="${zoom}"/></tt:PTZPosition></tptz:Preset>`;

/** A position, a velocity or a translation: missing axes are 0. */
function position(call: Call): PtzPosition {
  return {
    x: numberOf(attributeOf(call, 'PanTilt', 'x')) ?? 0,
    y: numberOf(attributeOf(call, 'PanTilt', 'y')) ?? 0,
    zoom: numberOf(attributeOf(call, 'Zoom', 'x')) ?? 0,
  };
}

function status(state: CameraState): string {
  const { ptz, quirks } = state;
  if (quirks.status === 'missing') {
    throw notSupported();
  }
  const at = quirks.status === 'constant' ? { x: 0, y: 0, zoom: 0 } : ptz.position;
  const isMoving = quirks.status !== 'constant' && ptz.moving;
  const word = isMoving ? 'MOVING' : 'IDLE';
  return (
    `<tptz:PTZStatus>${quirks.status === 'hollow' ? '' : writePlace(state, at)}` +
    `<tt:MoveStatus><tt:PanTilt>${word}</tt:PanTilt><tt:Zoom>${word}</tt:Zoom></tt:MoveStatus>` +
    `<tt:UtcTime>${new Date(state.nowMs()).toISOString()}</tt:UtcTime></tptz:PTZStatus>`
  );
}

function node(element: string, state: CameraState): string {
  const { quirks } = state;
  const commands = (quirks.ptzCommands ?? []).map(
    (one) => `<tt:AuxiliaryCommands>${escapeXml(one)}</tt:AuxiliaryCommands>`,
  );
  return (
    `<${element} token="node" FixedHomePosition="false"><tt:Name>node</tt:Name><tt:SupportedPTZSpaces>` +
    `${spacesOf(state)}</tt:SupportedPTZSpaces>` +
    `<tt:MaximumNumberOfPresets>${quirks.presets === 'none' ? 0 : (quirks.presets ?? 8)}</tt:MaximumNumberOfPresets>` +
    `<tt:HomeSupported>${!quirks.hasNoHome}</tt:HomeSupported>${commands.join('')}</${element}>`
  );
}

const options = (state: CameraState): string =>
  `<tptz:PTZConfigurationOptions><tt:Spaces>${spacesOf(state, true)}</tt:Spaces>` +
  '<tt:PTZTimeout><tt:Min>PT1S</tt:Min><tt:Max>PT60S</tt:Max></tt:PTZTimeout></tptz:PTZConfigurationOptions>';

function commandOperations({ outputs, quirks }: CameraState, check: (call: Call) => void): Operations {
  return {
    SendAuxiliaryCommand: (call) => {
      check(call);
      const command = call.argument('AuxiliaryData') ?? '';
      if (!quirks.ptzCommands?.includes(command)) {
        throw new Fault('InvalidArgVal', 'no such command');
      }
      outputs.commands.push(`ptz ${command}`);
      return answer('SendAuxiliaryCommand', '<tptz:AuxiliaryResponse>OK</tptz:AuxiliaryResponse>');
    },
  };
}

import { escapeXml } from '../../../agent/onvif/soap/xml/xml.ts';
import { attributeOf, type Call, durationMs, Fault, type Operations, SERVICES, serviceOf } from '../call.ts';
import type { CameraState } from '../state.ts';

type Service = 'device' | 'deviceIO';

/** The relays by one of the services that have them. In the WSDL of Device I/O two of the three requests have the names of the device service. */
export function relayOperations(state: CameraState, service: Service): Operations {
  const { outputs, quirks } = state;
  const { relaysAt, wantsDeviceIoNamespace } = quirks;
  const namespace = service === 'deviceIO' && wantsDeviceIoNamespace ? 'deviceIO' : 'device';
  const answer = (operation: string, inner = '', of: Service = namespace): string => {
    const prefix = of === 'device' ? 'tds' : 'tmd';
    return `<${prefix}:${operation}Response xmlns:${prefix}="${SERVICES[of]}">${inner.replaceAll('tds:', `${prefix}:`)}</${prefix}:${operation}Response>`;
  };
  const check = (call: Call, wanted: Service = namespace) => {
    if (serviceOf(call) !== wanted) {
      throw new Fault('UnknownAction', 'not an operation of this service');
    }
  };
  const known = (token: string | undefined) => {
    const relay = outputs.relays.get(token ?? '');
    if (!relay || token === undefined) {
      throw new Fault('RelayToken', 'no relay of this token');
    }
    return [token, relay] as const;
  };
  const list = () =>
    [...outputs.relays].map(
      ([token, { mode, delaySeconds, idle }]) =>
        `<tds:RelayOutputs token="${escapeXml(token)}"><tt:Properties><tt:Mode>${mode}</tt:Mode>` +
        `<tt:DelayTime>PT${delaySeconds}S</tt:DelayTime><tt:IdleState>${idle}</tt:IdleState></tt:Properties></tds:RelayOutputs>`,
    );
  if (outputs.relays.size === 0 || (service === 'device' && relaysAt === 'deviceIO')) {
    return {};
  }
  return {
    GetRelayOutputs: (call) => {
      check(call);
      return answer('GetRelayOutputs', relaysAt === 'empty deviceIO' && service === 'deviceIO' ? '' : list().join(''));
    },
    SetRelayOutputState: (call) => {
      check(call);
      const [token, { mode }] = known(call.argument('RelayOutputToken'));
      const isActive = call.argument('LogicalState') === 'active';
      if (!isActive && mode === 'Monostable' && quirks.refusesRelayOff) {
        throw new Fault('ModeError', 'a monostable relay goes back by itself', { isSender: false });
      }
      outputs.switch(token, isActive);
      return answer('SetRelayOutputState');
    },
    SetRelayOutputSettings: (call) => {
      check(call, service);
      const [token] = known(
        service === 'device' ? call.argument('RelayOutputToken') : attributeOf(call, 'RelayOutput', 'token'),
      );
      if (!quirks.ignoresRelaySettings) {
        outputs.relays.set(token, {
          mode: call.argument('Mode') === 'Monostable' ? 'Monostable' : 'Bistable',
          delaySeconds: (durationMs(call.argument('DelayTime')) ?? 0) / 1000,
          idle: call.argument('IdleState') === 'closed' ? 'closed' : 'open',
        });
      }
      return answer('SetRelayOutputSettings', '', service);
    },
  };
}

/** Device I/O (ver10/deviceIO): the relays, and the inputs and outputs that every camera has. */
export const deviceIoOperations = (state: CameraState): Operations => ({
  GetServiceCapabilities: () =>
    `<tmd:GetServiceCapabilitiesResponse xmlns:tmd="${SERVICES.deviceIO}"><tmd:Capabilities VideoSources="1" VideoOutputs="0" ` +
    `AudioSources="0" AudioOutputs="0" RelayOutputs="${state.outputs.relays.size}"/></tmd:GetServiceCapabilitiesResponse>`,
  ...relayOperations(state, 'deviceIO'),
});

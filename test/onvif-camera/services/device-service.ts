import { type DemoFacts, writeReply } from '../../../agent/demo-camera/onvif-replies.ts';
import { escapeXml } from '../../../agent/onvif/soap/xml/xml.ts';
import {
  type Call,
  Fault,
  findDeep,
  notSupported,
  numberOf,
  type Operations,
  SERVICES,
  type ServiceName,
} from '../call.ts';
import type { CameraState } from '../state.ts';
import { relayOperations } from './relay-operations.ts';

const PATHS: Readonly<Record<ServiceName, string>> = {
  device: '/onvif/device_service',
  media: '/onvif/media_service',
  media2: '/onvif/media2_service',
  ptz: '/onvif/ptz_service',
  events: '/onvif/event_service',
  imaging: '/onvif/imaging_service',
  deviceIO: '/onvif/deviceio_service',
  recording: '/onvif/recording_service',
  search: '/onvif/search_service',
  replay: '/onvif/replay_service',
};

export const devicePathOf = ({ quirks }: CameraState): string => quirks.devicePath ?? PATHS.device;
export const pathOf = (state: CameraState, service: ServiceName): string =>
  service === 'device' || state.quirks.hasOnePath ? devicePathOf(state) : PATHS[service];

/** The services that the camera lists. */
export function servicesOf({ quirks, card }: CameraState): ServiceName[] {
  const isThere: Record<ServiceName, boolean> = {
    device: true,
    media: quirks.media !== '2',
    media2: quirks.media !== '1',
    ptz: quirks.ptz !== 'none',
    events: quirks.events !== 'none',
    imaging: true,
    deviceIO: quirks.relays !== undefined && quirks.relaysAt !== 'device',
    recording: card !== undefined,
    search: card !== undefined,
    replay: card !== undefined,
  };
  return (Object.keys(isThere) as ServiceName[]).filter((name) => isThere[name]);
}

function addressOf(state: CameraState, call: Call, service: ServiceName): string {
  const base = state.quirks.serviceHost === undefined ? call.base : `http://${state.quirks.serviceHost}`;
  return base + pathOf(state, service);
}

/** The demo camera's response to the same operation. */
export function demoReply(state: CameraState, call: Call, profiles: DemoFacts['profiles'] = []): string {
  const facts: DemoFacts = {
    identity: state.identity,
    deviceUrl: addressOf(state, call, 'device'),
    mediaUrl: addressOf(state, call, 'media'),
    profiles,
    unixMs: state.nowMs(),
  };
  return /<s:Body>(.*)<\/s:Body>/s.exec(writeReply(call.operation, facts, call.argument) ?? '')?.[1] ?? '';
}

const answer = (operation: string, inner = ''): string =>
  `<tds:${operation}Response xmlns:tds="${SERVICES.device}">${inner}</tds:${operation}Response>`;

export function deviceOperations(state: CameraState): Operations {
  const { quirks } = state;
  return {
    GetSystemDateAndTime: (call) => dateAndTime(state, call),
    SetSystemDateAndTime: (call) => setDateAndTime(state, call),
    GetDeviceInformation: (call) =>
      quirks.saysLittleOfItself
        ? demoReply(state, call).replace(/<tds:(Manufacturer|SerialNumber)>.*?<\/tds:\1>/g, '')
        : demoReply(state, call),
    GetScopes: (call) => demoReply(state, call),
    GetServices: (call) => services(state, call),
    GetCapabilities: (call) => capabilities(state, call),
    GetNetworkProtocols: () => networkProtocols(state),
    GetNetworkInterfaces: (call) =>
      answer(
        'GetNetworkInterfaces',
        '<tds:NetworkInterfaces token="eth0"><tt:Enabled>true</tt:Enabled><tt:Info><tt:Name>eth0</tt:Name>' +
          `<tt:HwAddress>${quirks.macAddress ?? '02:00:00:00:00:01'}</tt:HwAddress></tt:Info><tt:IPv4><tt:Enabled>true</tt:Enabled>` +
          `<tt:Config><tt:Manual><tt:Address>${call.host}</tt:Address><tt:PrefixLength>24</tt:PrefixLength></tt:Manual>` +
          '<tt:DHCP>false</tt:DHCP></tt:Config></tt:IPv4></tds:NetworkInterfaces>',
      ),
    GetEndpointReference: () =>
      answer('GetEndpointReference', `<tds:GUID>${state.identity.endpoint.replace('urn:uuid:', '')}</tds:GUID>`),
    GetHostname: () =>
      answer('GetHostname', '<tds:HostnameInformation><tt:FromDHCP>false</tt:FromDHCP></tds:HostnameInformation>'),
    GetNTP: () => answer('GetNTP', ntp(state)),
    SetNTP: (call) => {
      state.ntpServer = call.argument('IPv4Address') ?? call.argument('DNSname') ?? call.argument('IPv6Address');
      return answer('SetNTP');
    },
    SystemReboot: (call) => reboot(state, call),
    ...relayOperations(state, 'device'),
    ...commandOperations(state),
  };
}

function commandOperations({ outputs, quirks }: CameraState): Operations {
  const { commands = [], ptzCommands = [], hasNoServiceCapabilities, refusesDeviceCommands } = quirks;
  const listed = refusesDeviceCommands ? ptzCommands : commands;
  return {
    ...(!hasNoServiceCapabilities && {
      GetServiceCapabilities: () => answer('GetServiceCapabilities', serviceCapabilities(listed)),
    }),
    ...(listed.length > 0 && {
      SendAuxiliaryCommand: (call) => {
        const command = call.argument('AuxiliaryCommand') ?? '';
        if (refusesDeviceCommands || !commands.includes(command)) {
          throw new Fault('AuxiliaryDataNotSupported', 'no such command');
        }
        outputs.commands.push(`device ${command}`);
        return answer('SendAuxiliaryCommand', '<tds:AuxiliaryCommandResponse>OK</tds:AuxiliaryCommandResponse>');
      },
    }),
  };
}

const serviceCapabilities = (commands: readonly string[]): string =>
  '<tds:Capabilities><tds:Network/><tds:Security/><tds:System/>' +
  `${commands.length > 0 ? `<tds:Misc AuxiliaryCommands="${escapeXml(commands.join(' '))}"/>` : ''}</tds:Capabilities>`;

async function reboot(state: CameraState, call: Call): Promise<string> {
  if (state.quirks.rebootsWithoutAnswer) {
    void state.restart();
    await new Promise<void>((resolve) => call.signal.addEventListener('abort', () => resolve(), { once: true }));
  } else {
    // After the answer is out.
    setImmediate(() => setImmediate(() => void state.restart()));
  }
  return answer('SystemReboot', '<tds:Message>Rebooting in 1 seconds</tds:Message>');
}

function dateAndTime(state: CameraState, call: Call): string {
  const { dateTimeType, quirks } = state;
  const reply = timeReply(state, call).replace('UTC0', quirks.timeZone ?? 'UTC0');
  return dateTimeType === undefined ? reply : reply.replace(/(DateTimeType>)\w+</, `$1${dateTimeType}<`);
}

function timeReply(state: CameraState, call: Call): string {
  const { utcTime } = state.quirks;
  if (utcTime === 'missing') {
    return demoReply(state, call).replace(/<tt:UTCDateTime>.*<\/tt:UTCDateTime>/s, '');
  }
  if (utcTime === 'hollow') {
    return demoReply(state, call).replace(/<tt:Date>.*<\/tt:Date>/s, '');
  }
  if (utcTime === undefined) {
    return demoReply(state, call);
  }
  const { zoneMs } = utcTime;
  const local = Object.create(state, { nowMs: { value: () => state.nowMs() + zoneMs } }) as CameraState;
  return demoReply(local, call);
}

function setDateAndTime(state: CameraState, call: Call): string {
  const type = call.argument('DateTimeType');
  state.dateTimeType = type;
  const element = findDeep(call.root, 'UTCDateTime');
  if (type !== 'Manual') {
    return answer('SetSystemDateAndTime');
  }
  const part = (name: string) => numberOf(element ? call.argument(name) : undefined) ?? Number.NaN;
  const unixMs = Date.UTC(part('Year'), part('Month') - 1, part('Day'), part('Hour'), part('Minute'), part('Second'));
  if (Number.isNaN(unixMs)) {
    throw new Fault('InvalidDateTime', 'not a date');
  }
  state.clockOffsetMs = unixMs - state.clock.wallMs();
  return answer('SetSystemDateAndTime');
}

function services(state: CameraState, call: Call): string {
  if (state.quirks.hasNoGetServices) {
    throw notSupported();
  }
  const list = servicesOf(state).map(
    (name) =>
      `<tds:Service><tds:Namespace>${SERVICES[name]}</tds:Namespace><tds:XAddr>${addressOf(state, call, name)}</tds:XAddr>` +
      '<tds:Version><tt:Major>2</tt:Major><tt:Minor>60</tt:Minor></tds:Version></tds:Service>',
  );
  return answer('GetServices', list.join(''));
}

/** Capabilities for old clients, without Media 2. */
function capabilities(state: CameraState, call: Call): string {
  const names: Partial<Record<ServiceName, string>> = {
    device: 'Device',
    events: 'Events',
    imaging: 'Imaging',
    media: 'Media',
    ptz: 'PTZ',
  };
  const { commands = [] } = state.quirks;
  const more: Partial<Record<ServiceName, string>> = {
    device:
      commands.length > 0
        ? `<tt:IO><tt:Extension><tt:Auxiliary>true</tt:Auxiliary>${commands
            .map((one) => `<tt:AuxiliaryCommands>${escapeXml(one)}</tt:AuxiliaryCommands>`)
            .join('')}<tt:Extension/></tt:Extension></tt:IO>`
        : '',
    events:
      '<tt:WSSubscriptionPolicySupport>false</tt:WSSubscriptionPolicySupport><tt:WSPullPointSupport>true</tt:WSPullPointSupport>' +
      '<tt:WSPausableSubscriptionManagerInterfaceSupport>false</tt:WSPausableSubscriptionManagerInterfaceSupport>',
    media:
      '<tt:StreamingCapabilities><tt:RTPMulticast>false</tt:RTPMulticast><tt:RTP_TCP>true</tt:RTP_TCP>' +
      '<tt:RTP_RTSP_TCP>true</tt:RTP_RTSP_TCP></tt:StreamingCapabilities>',
  };
  const there = servicesOf(state);
  // In the order of the schema.
  const list = (Object.keys(names) as ServiceName[]).flatMap((name) =>
    there.includes(name)
      ? [
          `<tt:${names[name]}><tt:XAddr>${addressOf(state, call, name)}</tt:XAddr>${more[name] ?? ''}</tt:${names[name]}>`,
        ]
      : [],
  );
  const deviceIo = servicesOf(state).includes('deviceIO')
    ? `<tt:Extension><tt:DeviceIO><tt:XAddr>${addressOf(state, call, 'deviceIO')}</tt:XAddr><tt:VideoSources>1</tt:VideoSources>` +
      '<tt:VideoOutputs>0</tt:VideoOutputs><tt:AudioSources>0</tt:AudioSources><tt:AudioOutputs>0</tt:AudioOutputs>' +
      `<tt:RelayOutputs>${state.outputs.relays.size}</tt:RelayOutputs></tt:DeviceIO></tt:Extension>`
    : '';
  return answer('GetCapabilities', `<tds:Capabilities>${list.join('')}${deviceIo}</tds:Capabilities>`);
}

function networkProtocols({ quirks, httpPort, rtspPort }: CameraState): string {
  if (quirks.hasNoNetworkProtocols) {
    throw notSupported();
  }
  const protocol = (name: string, port: number, isOn: boolean) =>
    `<tds:NetworkProtocols><tt:Name>${name}</tt:Name><tt:Enabled>${isOn}</tt:Enabled><tt:Port>${port}</tt:Port></tds:NetworkProtocols>`;
  return answer(
    'GetNetworkProtocols',
    protocol('HTTP', httpPort, true) + protocol('HTTPS', 443, false) + protocol('RTSP', rtspPort, true),
  );
}

function ntp({ ntpServer }: CameraState): string {
  const manual =
    ntpServer === undefined
      ? ''
      : `<tt:NTPManual><tt:Type>IPv4</tt:Type><tt:IPv4Address>${ntpServer}</tt:IPv4Address></tt:NTPManual>`;
  return `<tds:NTPInformation><tt:FromDHCP>false</tt:FromDHCP>${manual}</tds:NTPInformation>`;
}

import { isIPv6 } from 'node:net';
import type { Clock } from '../../../base/clock.ts';
import { perchCamera } from '../../../onvif/device/perch-camera.ts';
import { findText } from '../../../onvif/soap/xml/xml.ts';
import { type Call, type OfferedCamera, type OnvifSource, type Operations, SERVICES } from './contract.ts';
import { capabilities, SERVICE_CAPABILITIES } from './service-capabilities.ts';
import { fault, tag } from './soap.ts';

interface DeviceServiceDeps {
  readonly source: OnvifSource;
  readonly clock: Clock;
  /** Id of this Perch. */
  readonly perch: string;
}

const MODEL = 'Perch camera';

/** Scopes of a camera for GetScopes and WS-Discovery: `onvif://…` (ONVIF Core §7.3.2). */
export function scopesOf(camera: OfferedCamera): string[] {
  const scope = (kind: string, value: string) => `onvif://www.onvif.org/${kind}/${encodeURIComponent(value)}`;
  return [
    scope('type', 'video_encoder'),
    scope('type', 'Network_Video_Transmitter'),
    'onvif://www.onvif.org/Profile/Streaming',
    'onvif://www.onvif.org/Profile/T',
    'onvif://www.onvif.org/Profile/G',
    scope('name', camera.name.slice(0, 100)),
    scope('hardware', MODEL),
    scope('manufacturer', 'Perch'),
    scope('location', camera.path.slice(0, 100)),
  ];
}

/** The device management service (ONVIF Core §8). It is read-only: settings are changed on Perch's page. */
export function deviceOperations({ source, clock, perch }: DeviceServiceDeps): Operations {
  return {
    'tds:GetSystemDateAndTime': { isOpen: true, answer: () => dateAndTime(clock.wallMs()) },
    'tds:GetServices': { isOpen: true, answer: (call) => services(call) },
    'tds:GetCapabilities': { isOpen: true, answer: (call) => allCapabilities(call) },
    'tds:GetServiceCapabilities': { isOpen: true, answer: () => capabilities('tds', SERVICE_CAPABILITIES.device) },
    'tds:GetWsdlUrl': {
      isOpen: true,
      answer: () => reply('GetWsdlUrl', tag('tds:WsdlUrl', 'https://www.onvif.org/profiles/specifications/')),
    },
    'tds:GetHostname': {
      isOpen: true,
      answer: () =>
        reply('GetHostname', '<tds:HostnameInformation><tt:FromDHCP>false</tt:FromDHCP></tds:HostnameInformation>'),
    },
    'tds:GetEndpointReference': {
      isOpen: true,
      answer: ({ camera }) => reply('GetEndpointReference', tag('tds:GUID', perchCamera(perch, camera.path).endpoint)),
    },
    'tds:GetDeviceInformation': {
      answer: ({ camera }) =>
        reply(
          'GetDeviceInformation',
          tag('tds:Manufacturer', 'Perch') +
            tag('tds:Model', MODEL) +
            tag('tds:FirmwareVersion', source.version) +
            tag('tds:SerialNumber', perchCamera(perch, camera.path).serial) +
            tag('tds:HardwareId', MODEL),
        ),
    },
    'tds:GetScopes': {
      answer: ({ camera }) =>
        reply(
          'GetScopes',
          scopesOf(camera)
            .map((uri) => `<tds:Scopes>${tag('tt:ScopeDef', 'Fixed')}${tag('tt:ScopeItem', uri)}</tds:Scopes>`)
            .join(''),
        ),
    },
    'tds:GetNetworkInterfaces': { answer: (call) => networkInterfaces(call, perch) },
    'tds:GetNetworkProtocols': { answer: (call) => networkProtocols(call, source) },
    'tds:GetNetworkDefaultGateway': { answer: () => reply('GetNetworkDefaultGateway', '<tds:NetworkGateway/>') },
    'tds:GetDNS': {
      answer: () => reply('GetDNS', '<tds:DNSInformation><tt:FromDHCP>false</tt:FromDHCP></tds:DNSInformation>'),
    },
    'tds:GetNTP': {
      answer: () => reply('GetNTP', '<tds:NTPInformation><tt:FromDHCP>false</tt:FromDHCP></tds:NTPInformation>'),
    },
    'tds:GetDiscoveryMode': { answer: () => reply('GetDiscoveryMode', tag('tds:DiscoveryMode', 'Discoverable')) },
    'tds:GetUsers': {
      answer: ({ user = '' }) =>
        reply('GetUsers', `<tds:User>${tag('tt:Username', user)}${tag('tt:UserLevel', 'User')}</tds:User>`),
    },
    // Recorders give up a device that rejects their time. The box keeps its own.
    'tds:SetSystemDateAndTime': { answer: () => reply('SetSystemDateAndTime', '') },
    'tds:GetRelayOutputs': { answer: () => reply('GetRelayOutputs', '') },
  };
}

const reply = (operation: string, content: string): string =>
  `<tds:${operation}Response>${content}</tds:${operation}Response>`;

function dateAndTime(nowMs: number): string {
  const now = new Date(nowMs);
  const time =
    `<tt:Time>${tag('tt:Hour', now.getUTCHours())}${tag('tt:Minute', now.getUTCMinutes())}${tag('tt:Second', now.getUTCSeconds())}</tt:Time>` +
    `<tt:Date>${tag('tt:Year', now.getUTCFullYear())}${tag('tt:Month', now.getUTCMonth() + 1)}${tag('tt:Day', now.getUTCDate())}</tt:Date>`;
  return reply(
    'GetSystemDateAndTime',
    `<tds:SystemDateAndTime>${tag('tt:DateTimeType', 'NTP')}${tag('tt:DaylightSavings', false)}` +
      `<tt:TimeZone><tt:TZ>UTC0</tt:TZ></tt:TimeZone><tt:UTCDateTime>${time}</tt:UTCDateTime>` +
      `<tt:LocalDateTime>${time}</tt:LocalDateTime></tds:SystemDateAndTime>`,
  );
}

function services({ body, origin }: Call): string {
  const isFull = findText(body, 'IncludeCapability') === 'true';
  const all = Object.entries(SERVICES).map(([name, { path, namespace, version }]) => {
    const facts = isFull
      ? `<tds:Capabilities>${SERVICE_CAPABILITIES[name as keyof typeof SERVICES]}</tds:Capabilities>`
      : '';
    const [major, minor] = version;
    return (
      `<tds:Service>${tag('tds:Namespace', namespace)}${tag('tds:XAddr', origin + path)}${facts}` +
      `<tds:Version>${tag('tt:Major', major)}${tag('tt:Minor', minor)}</tds:Version></tds:Service>`
    );
  });
  return reply('GetServices', all.join(''));
}

/** Answer of GetCapabilities, the older way to find services (ONVIF Core §8.1.2.3). */
function allCapabilities({ body, origin }: Call): string {
  const wanted = findText(body, 'Category') ?? 'All';
  const xaddr = (name: keyof typeof SERVICES) => tag('tt:XAddr', origin + SERVICES[name].path);
  const no = (name: string) => tag(`tt:${name}`, false);
  const parts: Readonly<Record<string, string>> = {
    Device:
      `<tt:Device>${xaddr('device')}<tt:Network>${no('IPFilter')}${no('ZeroConfiguration')}${no('IPVersion6')}${no('DynDNS')}</tt:Network>` +
      `<tt:System>${no('DiscoveryResolve')}${no('DiscoveryBye').replace('false', 'true')}${no('RemoteDiscovery')}${no('SystemBackup')}${no('SystemLogging')}${no('FirmwareUpgrade')}` +
      '<tt:SupportedVersions><tt:Major>22</tt:Major><tt:Minor>12</tt:Minor></tt:SupportedVersions></tt:System>' +
      `<tt:IO><tt:InputConnectors>0</tt:InputConnectors><tt:RelayOutputs>0</tt:RelayOutputs></tt:IO></tt:Device>`,
    Events: `<tt:Events>${xaddr('events')}${no('WSSubscriptionPolicySupport')}${tag('tt:WSPullPointSupport', true)}${no('WSPausableSubscriptionManagerInterfaceSupport')}</tt:Events>`,
    Media: `<tt:Media>${xaddr('media')}<tt:StreamingCapabilities>${no('RTPMulticast')}${tag('tt:RTP_TCP', true)}${tag('tt:RTP_RTSP_TCP', true)}</tt:StreamingCapabilities></tt:Media>`,
    PTZ: `<tt:PTZ>${xaddr('ptz')}</tt:PTZ>`,
    Extension:
      `<tt:Extension><tt:Recording>${xaddr('recording')}${no('ReceiverSource')}${tag('tt:MediaProfileSource', true)}` +
      `${no('DynamicRecordings')}${no('DynamicTracks')}<tt:MaxStringLength>64</tt:MaxStringLength></tt:Recording>` +
      `<tt:Search>${xaddr('search')}${no('MetadataSearch')}</tt:Search><tt:Replay>${xaddr('replay')}</tt:Replay></tt:Extension>`,
  };
  if (wanted !== 'All' && parts[wanted] === undefined) {
    throw fault(`no capabilities of the category '${wanted.slice(0, 40)}'`, 'ActionNotSupported', 'NoSuchService');
  }
  const content = wanted === 'All' ? Object.values(parts).join('') : parts[wanted];
  return reply('GetCapabilities', `<tds:Capabilities>${content}</tds:Capabilities>`);
}

/** One network interface whose hardware address is the camera's own: recorders tell devices apart by it. */
function networkInterfaces({ camera, host }: Call, perch: string): string {
  const version = isIPv6(host)
    ? ''
    : `<tt:IPv4>${tag('tt:Enabled', true)}<tt:Config>${manual(host)}${tag('tt:DHCP', false)}</tt:Config></tt:IPv4>`;
  return reply(
    'GetNetworkInterfaces',
    `<tds:NetworkInterfaces token="eth0">${tag('tt:Enabled', true)}` +
      `<tt:Info>${tag('tt:Name', 'eth0')}${tag('tt:HwAddress', perchCamera(perch, camera.path).mac)}${tag('tt:MTU', 1500)}</tt:Info>` +
      `${version}</tds:NetworkInterfaces>`,
  );
}

const manual = (host: string): string =>
  `<tt:Manual>${tag('tt:Address', host)}${tag('tt:PrefixLength', 24)}</tt:Manual>`;

function networkProtocols({ origin }: Call, source: OnvifSource): string {
  const one = (name: string, port: number) =>
    `<tds:NetworkProtocols>${tag('tt:Name', name)}${tag('tt:Enabled', true)}${tag('tt:Port', port)}</tds:NetworkProtocols>`;
  return reply(
    'GetNetworkProtocols',
    one('HTTP', Number(new URL(origin).port || 80)) + one('RTSP', source.rtsp().port),
  );
}

import type { SERVICES } from './contract.ts';

/** `Capabilities` elements of GetServiceCapabilities. Attributes say what exists; absent ones mean false. */
export const SERVICE_CAPABILITIES: Readonly<Record<keyof typeof SERVICES, string>> = {
  device:
    '<tds:Capabilities><tds:Network NTP="0" IPFilter="false" ZeroConfiguration="false"/>' +
    '<tds:Security UsernameToken="true" HttpDigest="true"/>' +
    '<tds:System DiscoveryBye="true" SystemBackup="false" FirmwareUpgrade="false"/></tds:Capabilities>',
  media:
    '<trt:Capabilities SnapshotUri="true" Rotation="false"><trt:ProfileCapabilities MaximumNumberOfProfiles="2"/>' +
    '<trt:StreamingCapabilities RTP_TCP="true" RTP_RTSP_TCP="true" RTPMulticast="false"/></trt:Capabilities>',
  media2:
    '<tr2:Capabilities SnapshotUri="true"><tr2:ProfileCapabilities MaximumNumberOfProfiles="2"' +
    ' ConfigurationsSupported="VideoSource VideoEncoder AudioSource AudioEncoder PTZ"/>' +
    '<tr2:StreamingCapabilities RTSPStreaming="true" RTP_TCP="true" RTP_RTSP_TCP="true"/></tr2:Capabilities>',
  events:
    '<tev:Capabilities WSSubscriptionPolicySupport="false" WSPausableSubscriptionManagerInterfaceSupport="false"' +
    ' MaxNotificationProducers="16" MaxPullPoints="32" PersistentNotificationStorage="false"/>',
  recording:
    '<trc:Capabilities DynamicRecordings="false" DynamicTracks="false" MaxRecordings="2" MaxRecordingJobs="2"' +
    ' Options="true" MetadataRecording="false"/>',
  search: '<tse:Capabilities MetadataSearch="false" GeneralStartEvents="true"/>',
  replay: '<trp:Capabilities ReversePlayback="false" SessionTimeoutRange="60 60" RTP_RTSP_TCP="true"/>',
  ptz: '<tptz:Capabilities EFlip="false" Reverse="false"/>',
};

/** @param prefix XML namespace prefix of the service */
export const capabilities = (prefix: string, content: string): string =>
  `<${prefix}:GetServiceCapabilitiesResponse>${content}</${prefix}:GetServiceCapabilitiesResponse>`;

import type { UnsupportedGroup } from './common/key-rules.ts';

const NO_QUIC = 'Node has no QUIC, and no kept library in plain JavaScript does it';
const PI_CAMERA =
  'its driver is a native program; run rpicam-vid and ffmpeg on the Pi, publish to this path by RTSP, and write source: publisher';

/** Why a source of MediaMTX is not supported, by scheme or word. */
export const UNSUPPORTED_SOURCES: Readonly<Record<string, string>> = {
  rpiCamera: PI_CAMERA,
  'moqt://': `${NO_QUIC}; pull by RTSP, SRT, WHEP or HLS`,
  'moq://': `${NO_QUIC}; pull by RTSP, SRT, WHEP or HLS`,
};

/** MediaMTX's keys that do nothing here; those of a supported protocol are in its key file. */
export const INERT_GLOBAL: readonly UnsupportedGroup[] = [
  {
    feature: 'the Media-over-QUIC server',
    reason: `${NO_QUIC}; use WebRTC or low-latency HLS`,
    keys: {
      moq: false,
      moqHTTP2Address: ':8892',
      moqHTTP3Address: ':8892',
      moqQUICAddress: ':8893',
      moqHTTPS2Address: ':8892',
      moqHTTPS3Address: ':8892',
      moqServerKey: 'auto.key',
      moqServerCert: 'auto.crt',
      moqAllowOrigins: ['*'],
      moqTrustedProxies: [],
    },
    rights: ['moqTrustedProxies'],
  },
];

export const INERT_PATH: readonly UnsupportedGroup[] = [
  {
    feature: 'pulling over Media-over-QUIC',
    reason: `${NO_QUIC}; pull by RTSP, SRT, WHEP or HLS`,
    keys: {
      moqTransport: 'quic',
    },
  },
  {
    feature: 'playback for single paths',
    reason: 'MediaMTX ignores the key, too; permissions (action: playback) decide whose recordings play',
    keys: { playback: true },
  },
  {
    feature: 'the Raspberry Pi camera',
    reason: PI_CAMERA,
    keys: {
      rpiCameraCamID: 0,
      rpiCameraSecondary: false,
      rpiCameraWidth: 1920,
      rpiCameraHeight: 1080,
      rpiCameraHFlip: false,
      rpiCameraVFlip: false,
      rpiCameraBrightness: 0,
      rpiCameraContrast: 1,
      rpiCameraSaturation: 1,
      rpiCameraSharpness: 1,
      rpiCameraExposure: 'normal',
      rpiCameraAWB: 'auto',
      rpiCameraAWBGains: [0, 0],
      rpiCameraDenoise: 'off',
      rpiCameraShutter: 0,
      rpiCameraMetering: 'centre',
      rpiCameraGain: 0,
      rpiCameraEV: 0,
      rpiCameraROI: '',
      rpiCameraHDR: false,
      rpiCameraTuningFile: '',
      rpiCameraMode: '',
      rpiCameraFPS: 30,
      rpiCameraAfMode: 'continuous',
      rpiCameraAfRange: 'normal',
      rpiCameraAfSpeed: 'normal',
      rpiCameraLensPosition: 0,
      rpiCameraAfWindow: '',
      rpiCameraFlickerPeriod: 0,
      rpiCameraTextOverlayEnable: false,
      rpiCameraTextOverlay: '%Y-%m-%d %H:%M:%S - MediaMTX',
      rpiCameraCodec: 'auto',
      rpiCameraIDRPeriod: 60,
      rpiCameraBitrate: 5000000,
      rpiCameraH264Profile: 'auto',
      rpiCameraH264Level: '4.1',
      rpiCameraMJPEGQuality: 60,
      rpiCameraJPEGQuality: 60,
      rpiCameraProfile: 'main',
      rpiCameraLevel: '4.1',
      rpiCameraHardwareH264Profile: 'main',
      rpiCameraHardwareH264Level: '4.1',
      rpiCameraSoftwareH264Profile: 'baseline',
      rpiCameraSoftwareH264Level: '4.1',
    },
  },
];

/** What the API answers, by its schemas. No other file of the page imports from the agent. */
export type { SessionItem, UserItem } from '../../agent/http/api/accounts/people-routes.ts';
export type { FactorAnswer as FactorState } from '../../agent/http/api/accounts/second-factor-routes.ts';
export type { SessionAnswer as Session } from '../../agent/http/api/accounts/session-routes.ts';
export type { SharedClip } from '../../agent/http/api/accounts/shared-clip-routes.ts';
export type { ViewItem } from '../../agent/http/api/accounts/view-routes.ts';
export type { PtzAbilities as PtzCapabilities } from '../../agent/http/api/cameras/camera-control.ts';
export type {
  CameraItem,
  FoundItem as DiscoveredCamera,
  ProbeAnswer as Probe,
} from '../../agent/http/api/cameras/camera-schemas.ts';
export type { Layout } from '../../agent/http/api/cameras/layouts.ts';
export type { CameraSettings as CameraVideo } from '../../agent/http/api/cameras/own-settings.ts';
export type { FileText as ConfigFile } from '../../agent/http/api/device/config-file.ts';
export type { HttpsState } from '../../agent/http/api/device/https-route.ts';
export type { LogItem as LogLine } from '../../agent/http/api/device/log-routes.ts';
export type { ModeStatus } from '../../agent/http/api/device/mode.ts';
export type { OnvifState } from '../../agent/http/api/device/onvif-routes.ts';
export type { RestorePlan } from '../../agent/http/api/device/restore-routes.ts';
export type { PublishServer } from '../../agent/http/api/device/server-routes.ts';
export type { SystemAnswer } from '../../agent/http/api/device/system.ts';
export type { DiskItem as RecordingDisk } from '../../agent/http/api/recordings/disks.ts';
export type { DeletionResult } from '../../agent/http/api/recordings/recordings.ts';
export type {
  FolderList,
  ImportForecast as FolderLook,
  ImportRequest,
  TransferForecast,
  TransferRequest,
  TransferState as Transfer,
} from '../../agent/http/api/recordings/transfer-routes.ts';
export type { ForwardItem } from '../../agent/http/api/streams/forwards.ts';

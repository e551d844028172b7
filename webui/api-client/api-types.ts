/** What the API answers, by its schemas. Of the page only this file, and features from their own routes, import from the agent. */

export type { EventKind } from '../../agent/base/event-kinds.ts';
export type { SessionItem, UserItem } from '../../agent/http/api/accounts/people-routes.ts';
export type { FactorAnswer } from '../../agent/http/api/accounts/second-factor-routes.ts';
export type { SessionAnswer } from '../../agent/http/api/accounts/session-routes.ts';
export type { SharedClip } from '../../agent/http/api/accounts/shared-clip-routes.ts';
export type { ViewItem } from '../../agent/http/api/accounts/view-routes.ts';
export type { CameraOutput, PtzAbilities } from '../../agent/http/api/cameras/camera-control.ts';
export type {
  AdoptAnswer,
  CameraItem,
  FoundItem,
  ProbeAnswer,
} from '../../agent/http/api/cameras/camera-schemas.ts';
export type { Layout } from '../../agent/http/api/cameras/layouts.ts';
export type { CameraSettings } from '../../agent/http/api/cameras/own-settings.ts';
export type { HttpsState, PublishServer } from '../../agent/http/api/device/address-routes.ts';
export type { FileText } from '../../agent/http/api/device/config-file.ts';
export type { SourceTestAnswer } from '../../agent/http/api/device/config-schemas.ts';
export type { LogItem } from '../../agent/http/api/device/log-routes.ts';
export type { RestorePlan } from '../../agent/http/api/device/restore-routes.ts';
export type { MountedDisk, StorageUse } from '../../agent/http/api/device/storage-routes.ts';
export type { SystemAnswer } from '../../agent/http/api/device/system.ts';
export type { DeletionForecast } from '../../agent/http/api/recordings/deletions.ts';
export type { DiskItem } from '../../agent/http/api/recordings/disks.ts';
export type { DeletionResult } from '../../agent/http/api/recordings/recordings.ts';
export type { ForwardItem } from '../../agent/http/api/streams/forwards.ts';
export type { PathItem as ApiPath } from '../../agent/http/api/streams/paths.ts';
export type {
  ImportForecast,
  TransferForecast,
  TransferItems,
  TransferState,
} from '../../agent/recordings/copy/transfer-kind.ts';

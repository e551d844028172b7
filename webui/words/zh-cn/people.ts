import type { PeopleWords } from '../en/people.ts';

export const people: PeopleWords = {
  people: '成员',
  owner: '所有者',
  allCameras: '全部摄像头',
  liveOnly: '仅实时',
  liveAndRecordings: '实时与录像',
  guestLinks: '访客链接',
  addPerson: '添加成员',
  newGuestLink: '新建访客链接',
  endsAt: (time) => `${time} 到期`,
  linkMade: (until) => `链接在 ${until} 前有效。`,
  linkSees: (cameras) => `持有者只能看 ${cameras}。`,
  linkSeesLive: (cameras) => `持有者只能看 ${cameras} 的实时画面。`,
};

import type { Reason } from './state.ts';

interface Words {
  readonly lang: string;
  readonly title: string;
  readonly lead: string;
  readonly country: string;
  readonly countryNote: string;
  readonly chooseCountry: string;
  readonly network: string;
  readonly none: string;
  readonly search: string;
  readonly searching: string;
  readonly open: string;
  readonly needsMore: string;
  readonly known: string;
  readonly hidden: string;
  readonly hiddenName: string;
  readonly password: string;
  readonly passwordNote: string;
  readonly join: string;
  readonly knownTitle: string;
  readonly knownNote: string;
  readonly forget: string;
  readonly failed: Readonly<Record<Reason, (name: string) => string>>;
  readonly faults: Readonly<Record<Fault, string>>;
  readonly joining: (name: string) => string;
  readonly joiningLead: string;
  readonly stepNetwork: (name: string) => string;
  readonly stepPage: string;
  readonly orAddress: string;
  readonly ifBack: (point: string) => string;
  readonly screen: (name: string, password: string, url: string) => readonly string[];
}

/** What is wrong with a form. */
export type Fault = 'country' | 'network' | 'name' | 'password' | 'needsPassword' | 'needsMore';

const EN: Words = {
  lang: 'en',
  title: 'Connect Perch to your Wi-Fi',
  lead: 'Perch is not on a network. Choose your Wi-Fi and type its password.',
  country: 'Country',
  countryNote: 'The country decides which channels Perch may use.',
  chooseCountry: 'Choose the country',
  network: 'Network',
  none: 'No networks found. Move Perch closer to the router and search again.',
  search: 'Search again',
  searching: 'Searching…',
  open: 'open',
  needsMore: 'needs more than a password',
  known: 'saved',
  hidden: 'Other network',
  hiddenName: 'Name of the other network',
  password: 'Password',
  passwordNote: 'Leave it empty for an open network.',
  join: 'Connect',
  knownTitle: 'Saved networks',
  knownNote: 'Perch connects to one that is in range.',
  forget: 'Forget',
  failed: {
    wrongPassword: (name) => `Perch could not join ${name}: the password is wrong.`,
    notFound: (name) => `Perch could not join ${name}: the network was not found. Is the router on and close enough?`,
    noAddress: (name) => `Perch joined ${name}, but the router gave it no address (DHCP).`,
    refused: (name) => `Perch could not join ${name}: the router refused the connection. Does it use WPA2 or WPA3?`,
  },
  faults: {
    country: 'Choose the country.',
    network: 'Choose a network.',
    name: 'Type the name of the network, at most 32 bytes.',
    password: 'A Wi-Fi password has 8 to 63 characters: letters without accents, digits and symbols.',
    needsPassword: 'This network needs a password.',
    needsMore: 'This network needs more than a password. Perch cannot join it.',
  },
  joining: (name) => `Perch is connecting to ${name}`,
  joiningLead: 'Perch’s own Wi-Fi is about to close, and this page with it. In about a minute:',
  stepNetwork: (name) => `Connect your phone to ${name}.`,
  stepPage: 'Open Perch at:',
  orAddress: 'or at the address that it had there last time:',
  ifBack: (point) => `If ${point} appears again, Perch could not connect. Join ${point} again, and this page says why.`,
  screen: (name, password, url) => [
    'Perch is not on a network. Scan the code with a phone, or join this Wi-Fi:',
    `  ${name}   password ${password}`,
    `Then choose your network on the page that opens, or at ${url}`,
  ],
};

const ZH_CN: Words = {
  lang: 'zh-CN',
  title: '将 Perch 连接到您的 Wi-Fi',
  lead: 'Perch 尚未连接到网络。请选择您的 Wi-Fi 并输入密码。',
  country: '国家或地区',
  countryNote: '国家或地区决定 Perch 可以使用哪些信道。',
  chooseCountry: '选择国家或地区',
  network: '网络',
  none: '未找到网络。请将 Perch 移近路由器，然后重新搜索。',
  search: '重新搜索',
  searching: '正在搜索…',
  open: '开放',
  needsMore: '仅凭密码无法连接',
  known: '已保存',
  hidden: '其他网络',
  hiddenName: '其他网络的名称',
  password: '密码',
  passwordNote: '开放网络请留空。',
  join: '连接',
  knownTitle: '已保存的网络',
  knownNote: 'Perch 会连接其中信号可达的网络。',
  forget: '移除',
  failed: {
    wrongPassword: (name) => `Perch 无法加入 ${name}：密码错误。`,
    notFound: (name) => `Perch 无法加入 ${name}：找不到该网络。路由器是否已开启，距离是否够近？`,
    noAddress: (name) => `Perch 已加入 ${name}，但路由器没有分配地址（DHCP）。`,
    refused: (name) => `Perch 无法加入 ${name}：路由器拒绝了连接。其安全类型是 WPA2 或 WPA3 吗？`,
  },
  faults: {
    country: '请选择国家或地区。',
    network: '请选择网络。',
    name: '请输入网络名称，最多 32 字节。',
    password: 'Wi-Fi 密码为 8 至 63 个英文字母、数字或符号。',
    needsPassword: '该网络需要密码，请输入。',
    needsMore: '该网络仅凭密码无法连接，Perch 无法加入。',
  },
  joining: (name) => `Perch 正在连接 ${name}`,
  joiningLead: 'Perch 自己的 Wi-Fi 即将关闭，本页面也会随之关闭。约一分钟后：',
  stepNetwork: (name) => `将手机连接到 ${name}。`,
  stepPage: '在浏览器中打开：',
  orAddress: '或打开 Perch 上次在该网络中的地址：',
  ifBack: (point) => `如果 ${point} 再次出现，说明 Perch 未能连接。请重新连接 ${point}，本页面会说明原因。`,
  screen: EN.screen,
};

/** @param accepted `Accept-Language` */
export const wordsFor = (accepted: string | undefined): Words => (/^\s*zh\b/i.test(accepted ?? '') ? ZH_CN : EN);

export type { Words };

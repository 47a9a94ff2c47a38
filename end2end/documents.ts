// Documents as an operator's own systems would write them, one kind per collection, and one change to each.
import { ObjectId, type Document } from 'mongodb';
import type { Topic } from './page.ts';

let count = 0;
/** Different in every run and test, so that no two documents meet in a unique index. */
export const unique = (prefix: string): string => `${prefix}-${Date.now().toString(36)}-${++count}`;

export interface Sample {
  document: () => Document & { _id: ObjectId };
  /** What its list calls it by, and from there the feeds and figures. */
  name: string;
  /** The update an operator's system makes. */
  change: Document;
  /** The cell that shows it, and what stands there before and after. */
  field: string;
  before: RegExp;
  after: RegExp;
}

export const SAMPLES: Record<Topic, Sample> = {
  clients: { document: client, name: 'name', change: { name: 'Client renamed' }, field: 'name', before: /Client new/, after: /Client renamed/ },
  stations: { document: station, name: 'name', change: { name: 'AA Station renamed' }, field: 'name', before: /AA Station new/, after: /AA Station renamed/ },
  charging_sessions: { document: session, name: 'session_id', change: { energy_wh: 45_600, stop_reason: 'Local' }, field: 'energy_wh', before: /12\.3/, after: /45\.6/ },
  payments: { document: payment, name: 'payment_id', change: { amount_minor: 5678 }, field: 'amount_minor', before: /12\.34/, after: /56\.78/ },
  eco_stats: { document: eco, name: 'local_date', change: { energy_wh: 98_700, scope_id: 'changed' }, field: 'energy_wh', before: /78\.9/, after: /98\.7/ },
};

export function client(over: Document = {}): Document & { _id: ObjectId } {
  const now = new Date();
  return {
    _id: new ObjectId(), client_id: unique('C'), name: 'Client new', email: `${unique('client')}@example.com`,
    client_type: 'PRIVATE', status: 'ACTIVE', tokens: [], country_code: 'GB', currency: 'GBP',
    created_at: now, last_updated: now, ...over,
  };
}

export function station(over: Document = {}): Document & { _id: ObjectId } {
  const now = new Date();
  return {
    _id: new ObjectId(), station_id: unique('S'), name: 'AA Station new', city: 'Dundee', country: 'GBR',
    time_zone: 'Europe/London', connection: 'ONLINE', last_heartbeat_at: now,
    evses: [{
      uid: '1', evse_id: unique('GB*CDK*E'), status: 'AVAILABLE', ocpp_status: 'Available', error_code: 'NoError', status_since: now,
      connectors: [{ id: '1', standard: 'IEC_62196_T2', format: 'SOCKET', power_type: 'AC_3_PHASE', max_electric_power: 22_000 }],
    }],
    created_at: now, last_updated: now, ...over,
  };
}

export function session(over: Document = {}): Document & { _id: ObjectId } {
  const now = new Date();
  return {
    _id: new ObjectId(), session_id: unique('CS'), station_id: 'S-none', evse_uid: '1', connector_id: '1',
    token: { uid: 'T1', type: 'RFID' }, auth_method: 'WHITELIST', status: 'ACTIVE', charging_state: 'Charging',
    start_date_time: now, meter_start_wh: 0, energy_wh: 12_300, power_w: 7_000, currency: 'GBP',
    time_zone: 'Europe/London', quality: [], last_updated: now, ...over,
  };
}

export function payment(over: Document = {}): Document & { _id: ObjectId } {
  const now = new Date();
  return {
    _id: new ObjectId(), payment_id: unique('P'), client_id: 'C-none', amount_minor: 1234, captured_minor: 0, currency: 'GBP',
    refunded_minor: 0, method: 'CARD', card_brand: 'visa', card_last4: '4242', provider: 'test', provider_ref: unique('ref'), status: 'PENDING',
    attempts: 1, status_history: [{ status: 'PENDING', at: now, by: 'test' }], created_at: now, last_updated: now, ...over,
  };
}

export function eco(over: Document = {}): Document & { _id: ObjectId } {
  const now = new Date();
  return {
    _id: new ObjectId(), granularity: 'DAY', scope: 'STATION', scope_id: unique('S'), local_date: now.toISOString().slice(0, 10),
    time_zone: 'Europe/London', period_start: now, session_count: 3, energy_wh: 78_900, co2_avoided_g: 71_000, co2_grid_g: 16_600,
    co2_ice_g: 88_000, petrol_ml: 37_500, km_electric_m: 420_000, trees_10y: 1.2,
    factors: { set: 'owid-2024', version: 1, grid_g_per_kwh: 211, petrol_l_per_kwh: 0.4753, petrol_kg_per_l: 2.348 },
    computed_at: now, last_updated: now, ...over,
  };
}

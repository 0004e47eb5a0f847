/** The pool of the worker role: background work across tenants, through policies of its own. */
export const WORKER_POOL = Symbol('worker pool');
export const EVENT_LOG = Symbol('event log');
export const LOGGER = Symbol('logger');
export const SERVICE_CONFIG = Symbol('service config');

import { startBroker } from '/work/main/deploy/kafka/broker.mjs';
import { kafkaLog } from '/work/main/libs/platform/src/event-log/kafka/kafka-log';
const t0=Date.now(); const say=(...a:any[])=>console.log(((Date.now()-t0)/1000).toFixed(2),...a);
(async()=>{
  const b=await startBroker({directory:'/tmp/a-kafka'}); say('up');
  const reports={debug:(f:any,m:string)=>process.argv.includes('-v')&&say('debug',m,String(f.error??f.err??'').slice(0,150)),info:(f:any,m:string)=>say(m),warn:(f:any,m:string)=>say('WARN',m,f.err?.message),error:(f:any,m:string)=>say('ERR',m)};
  const log=await kafkaLog({brokers:[b.brokers],clientId:'x',reports});
  const topic='t'+Date.now();
  let n=0,got=0; let lastGot=Date.now();
  await log.subscribe({group:'g'+topic,topics:[topic],isOutage:()=>false,handle:async m=>{ if(Date.now()-lastGot>700) say('handling again, gap',Date.now()-lastGot); lastGot=Date.now(); got+=m.length;}});
  let stop=false; let lastPub=Date.now();
  const pub=(async()=>{ while(!stop){ try{ await log.publish([{topic,key:'k'+n,value:'v'+n,headers:{}}]); n++; if(Date.now()-lastPub>700) say('published again, gap',Date.now()-lastPub); lastPub=Date.now(); await new Promise(r=>setTimeout(r,20)); }catch(e){ say('publish rejected',(e as Error).message); } } })();
  await new Promise(r=>setTimeout(r,3000));
  for (let i=0;i<2;i++){ say('KILL'); await b.kill(); const r=b.restart(); await r; say('broker ready'); await new Promise(r=>setTimeout(r,12000)); }
  stop=true; await pub; await new Promise(r=>setTimeout(r,1000)); say({n,got}); await log.close(); say('closed'); await b.stop(); process.exit(0);
})();

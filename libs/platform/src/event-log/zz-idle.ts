import { startBroker } from '/work/main/deploy/kafka/broker.mjs';
import { openEventLog } from './open-event-log';
const sleep=(ms:number)=>new Promise(r=>setTimeout(r,ms));
(async()=>{
  const b=await startBroker({directory:'/tmp/b-kafka'});
  const con=await openEventLog({eventLog:'kafka',kafkaBrokers:b.brokers,clientId:'con'});
  const topics=Array.from({length:19},(_,i)=>`idle.${i}`);
  await con.ensureTopics(topics);
  await con.subscribe({group:'idle',topics,isOutage:()=>false,handle:async()=>{}});
  await sleep(5000); let c0=process.cpuUsage(); await sleep(10000); const c=process.cpuUsage(c0); console.log('idle ms/s',(c.user+c.system)/10000);
  await con.close(); await b.stop(); process.exit(0);
})();

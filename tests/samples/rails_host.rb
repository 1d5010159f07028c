# An application of Rails with nothing in it but the sample, mounted by the line that the sample gives for routes.rb.
#
# usage: rails_host.rb SAMPLE PORT
require "logger"
require "rails"
require "action_controller/railtie"
begin
  require "rackup/handler/webrick" # since Rack 3
  WEBRICK = Rackup::Handler::WEBrick
rescue LoadError
  require "rack/handler/webrick"
  WEBRICK = Rack::Handler::WEBrick
end

sample, port = ARGV

class Host < Rails::Application
  config.eager_load = false
  config.hosts.clear
  config.logger = Logger.new($stdout)
  config.secret_key_base = "of this test"
  # As `rails new` has it, and the protection against forged forms above all.
  config.load_defaults 6.1
  config.action_controller.allow_forgery_protection = true
end

class ApplicationController < ActionController::Base
end

$stdout.sync = true
Host.initialize!
load sample
route = File.read(sample)[/# In config\/routes\.rb: *(.+)/, 1]
Host.routes.draw { instance_eval(route) }
WEBRICK.run(Host, Host: "127.0.0.1", Port: port.to_i, AccessLog: [])
